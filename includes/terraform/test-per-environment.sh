  for values in "$root"/*.tfvars; do
    case $values in *.auto.tfvars) continue ;; esac
    in_root test -var-file="$(basename "$values")"
  done

# tflint-ignore-file: terraform_unused_declarations
# Argo CD was there before: nothing of it is made here. `make local` installs this one.
locals {
  chart_repository = "https://argoproj.github.io/argo-helm"

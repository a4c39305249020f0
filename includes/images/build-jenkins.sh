  case ${IMAGE_CACHE:-} in
  '') cache= ;;
  type=registry) cache=type=registry,ref=$image:cache ;;
  *) cache=$IMAGE_CACHE,scope=$service ;;
  esac
  build "$service" "$image" "$cache" >&2
  [ -n "$push" ] || continue

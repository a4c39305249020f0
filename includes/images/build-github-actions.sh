  docker buildx build --build-arg "VERSION=$tag" --tag "$image:$tag" --metadata-file "$metadata" \
    ${attest:+--provenance=mode=max "--sbom=generator=$scanner"} --push "src/$service" >&2

push=yes
if [ "${1:-}" = --no-push ]; then
  push=
  shift
fi
if [ $# -lt 2 ]; then
  echo "usage: scripts/build-images [--no-push] TAG SERVICE ..." >&2
  exit 2
fi
tag=$1
shift
attest=$push

build() { # SERVICE IMAGE CACHE
  if command -v docker >/dev/null; then
    docker buildx build --build-arg "VERSION=$tag" --tag "$2:$tag" --metadata-file "$metadata" ${push:+--push} \
      ${attest:+--provenance=mode=max "--sbom=generator=$scanner"} \
      ${3:+--cache-from "$3"} ${3:+${push:+--cache-to "$3,mode=max"}} "src/$1"
    return
  fi
  buildctl-daemonless.sh build --frontend dockerfile.v0 --local "context=src/$1" --local "dockerfile=src/$1" \
    --opt "build-arg:VERSION=$tag" --metadata-file "$metadata" ${push:+--output "type=image,name=$2:$tag,push=true"} \
    ${attest:+--opt attest:provenance=mode=max --opt "attest:sbom=generator=$scanner"} \
    ${3:+--import-cache "$3"} ${3:+${push:+--export-cache "$3,mode=max"}}
}


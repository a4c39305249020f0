if [ $# -lt 2 ]; then
  echo "usage: scripts/build-images TAG SERVICE ..." >&2
  exit 2
fi
tag=$1
shift
attest=yes

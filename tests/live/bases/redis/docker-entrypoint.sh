#!/bin/sh
# The contract of the official image's entrypoint: arguments that begin with a dash are the server's.
set -e
case ${1:-} in
-* | '' | *.conf) set -- redis-server --protected-mode no "$@" ;;
esac
exec "$@"

#!/bin/sh
# Give every environment its role on the database server: the owner of its own database, with no access to another.
# Each file /passwords/role.NAME holds the password of the role NAME, which is the name of its database as well.
set -eu

passwords=${PASSWORDS:-/passwords}
administrator=$(cat "$passwords/administrator")
here=$(dirname "$0")

# Azure makes some databases without this schema.
sign_in() {
  PGPASSWORD=$PASSWORD psql --no-psqlrc --quiet --username "$ROLE" --dbname "$ROLE" \
    --command 'CREATE SCHEMA IF NOT EXISTS public'
}

for file in "$passwords"/role.*; do
  ROLE=${file##*/role.}
  PASSWORD=$(cat "$file")
  export ROLE PASSWORD
  # Passwords are set only where they do not fit: a statement may end up in the server's log.
  if ! sign_in 2>/dev/null; then
    PGPASSWORD=$administrator psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --single-transaction \
      --file "$here/roles.sql"
    sign_in
    echo "$ROLE: made, or given its new password"
  fi
done

#!/bin/sh
# Makes the cluster with its two users, once, then becomes the server. What the users may do is written by
# `proximity_launcher.containers.prepare`; the superuser cannot log in at all.
#
# The image's own entrypoint makes a cluster in its place: one whose making was cut short would pass for a whole one.
# This one gets its name when all is in it. The major version is part of the name, because no other one reads such files:
# what they hold is built anew from the log.
set -eu

reads=${1:-/run/secrets}
folder=${2:-/var/lib/postgresql}
# where Debian keeps the programs; the official image finds them by itself
PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)
version=$(postgres --version)
major=${version#*(PostgreSQL) }
place=$folder/proximity-${major%%[!0-9]*}
unfinished=$place.unfinished

# single-user mode ends well whatever its statements did
execute() {
    said=$(postgres --single -j -D "$unfinished" -c log_checkpoints=off "$1" 2>&1 >/dev/null <"$reads/$2") || {
        printf '%s\n' "$said" >&2
        exit 1
    }
    case $said in
    *ERROR:* | *FATAL:* | *PANIC:*)
        printf '%s\n' "$said" >&2
        exit 1
        ;;
    esac
}

if [ ! -d "$place" ]; then
    rm -rf "$unfinished"
    initdb -D "$unfinished" -U postgres --auth=reject --encoding=UTF8 --locale-provider=builtin --locale=C.UTF-8
    execute postgres users.sql
    execute proximity rights.sql
    mv "$unfinished" "$place"
fi

for other in "$folder"/proximity*; do
    [ "$other" = "$place" ] || rm -rf "$other"
done

exec postgres -D "$place" -c config_file="$reads/postgresql.conf"

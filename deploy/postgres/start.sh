#!/bin/sh
# Makes the cluster with its two users, once, then becomes the server. What the users may do is written by
# `proximity_launcher.containers.prepare`; the superuser cannot log in at all.
#
# The image's own entrypoint makes a cluster in its place: one whose making was cut short would pass for a whole one.
# This one gets its name when all is in it.
set -eu

reads=${1:-/run/secrets}
place=${2:-/var/lib/postgresql}/proximity
unfinished=$place.unfinished
# where Debian keeps the programs; the official image finds them by itself
PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)

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

exec postgres -D "$place" -c config_file="$reads/postgresql.conf"

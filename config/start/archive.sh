#!/bin/sh
# Keeps PostgreSQL's log in a folder, compressed.
#   archive_command = 'sh archive.sh put FOLDER %f %p'
#   restore_command = 'sh archive.sh get FOLDER %f %p'
# `put` writes aside, syncs and renames. It is content with a file that holds the same, and refuses to replace
# another. `get` ends with 1 where the archive ends, and with 200 at a damaged file, which stops the recovery.
set -eu
verb=$1 folder=$2 name=$3 file=$4
kept=$folder/$name.gz aside=$folder/.$name.$$
case $verb in
put)
    if [ -e "$kept" ]; then
        gzip -dc "$kept" 2>/dev/null | cmp -s - "$file" && exit 0
        echo "$kept is there already, and holds something else" >&2
        exit 1
    fi
    trap 'rm -f "$aside"' EXIT
    gzip -1nc "$file" >"$aside"
    sync "$aside"
    mv "$aside" "$kept"
    sync "$folder"
    ;;
get)
    [ -e "$kept" ] || exit 1
    gzip -dc "$kept" >"$file" && exit 0
    echo "$kept is damaged" >&2
    exit 200
    ;;
esac

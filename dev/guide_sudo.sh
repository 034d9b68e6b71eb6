#!/bin/sh
# Stands for `sudo -u postgres`: the superuser of the embedded PostgreSQL is reached over TCP.
[ "$1" = -u ] && shift 2
[ "$1" = -- ] && shift
exec "$@"

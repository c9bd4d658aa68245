#!/bin/sh
# Runs a command as the service does, as in `sudo hybridsphere status`: with the same variables, user
# and folder. The user of the shell neither sees the variables nor may open the ledger.
set -eu

configuration=/etc/hybridsphere

if [ "$(id -u)" -ne 0 ]; then
    echo "error: $configuration can be read by root alone" >&2
    echo "hint: run the command with sudo" >&2
    exit 2
fi
if [ ! -e "$configuration/bridge.env" ]; then
    echo "error: $configuration/bridge.env is missing" >&2
    echo "hint: bridge.env.example beside it names every variable" >&2
    exit 2
fi
# Relative paths are those of this folder, not of the unit's. One that the service's user may not
# enter is left out, and an absolute path names it in the error.
for argument; do
    shift
    case $argument in
        /* | -*) ;;
        *[./]*) [ ! -e "$argument" ] || argument=$PWD/$argument ;;
    esac
    set -- "$@" "$argument"
done
exec systemd-run --quiet --pipe --wait --collect \
    --property=DynamicUser=yes --property=User=hybridsphere \
    --property=StateDirectory=hybridsphere --property=StateDirectoryMode=0700 \
    --property=UMask=0077 --property=WorkingDirectory=-"$PWD" \
    --property=EnvironmentFile="$configuration/bridge.env" \
    --property=EnvironmentFile=-"$configuration/aws-credentials.env" \
    --setenv=HYBRIDSPHERE_RESULTS_DIR=/var/lib/hybridsphere/results \
    --setenv=AWS_EC2_METADATA_DISABLED=true \
    --setenv=SUDO_USER="${SUDO_USER:-}" \
    /opt/hybridsphere/bin/hybridsphere "$@"

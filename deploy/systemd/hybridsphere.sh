#!/bin/sh
# `sudo hybridsphere status`: the command as the service runs it, with the same variables, user and
# folder. As the user of the shell it would neither see the variables nor may it open the ledger.
set -eu

configuration=/etc/hybridsphere

if [ "$(id -u)" -ne 0 ]; then
    echo "hybridsphere reads $configuration, which is root's: run it with sudo" >&2
    exit 2
fi
if [ ! -e "$configuration/bridge.env" ]; then
    echo "$configuration/bridge.env is missing: bridge.env.example beside it names every variable" >&2
    exit 2
fi
exec systemd-run --quiet --pipe --wait --collect \
    --property=DynamicUser=yes --property=User=hybridsphere \
    --property=StateDirectory=hybridsphere --property=StateDirectoryMode=0700 \
    --property=UMask=0077 \
    --property=EnvironmentFile="$configuration/bridge.env" \
    --property=EnvironmentFile=-"$configuration/aws-credentials.env" \
    --setenv=HYBRIDSPHERE_RESULTS_DIR=/var/lib/hybridsphere/results \
    --setenv=AWS_EC2_METADATA_DISABLED=true \
    /opt/hybridsphere/bin/hybridsphere "$@"

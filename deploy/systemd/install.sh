#!/bin/sh
# Installs the bridge of this tree on this machine as a systemd service, or updates it.
# Run it as root, again whenever the tree has changed: a running bridge drains and restarts.
set -eu

tree=$(cd "$(dirname "$0")/../.." && pwd)
prefix=/opt/hybridsphere
configuration=/etc/hybridsphere
unit=hybridsphere-bridge.service
page=hybridsphere-page.service

if [ $# -gt 0 ]; then
    echo "usage: install.sh, without arguments: installs the bridge of this tree as a service" >&2
    exit 2
fi
if [ ! -d /run/systemd/system ]; then
    echo "install.sh: this machine does not run systemd, which is to run the bridge" >&2
    exit 2
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "install.sh writes to $prefix and /etc: run it as root, with sudo" >&2
    exit 2
fi
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "python3 is $(python3 --version 2>&1): the bridge needs Python 3.11 or newer" >&2
    exit 2
fi

echo "Installing $tree into $prefix, and $unit into /etc/systemd/system"

# The user of the service must be able to read this tree, whatever the umask of the caller.
umask 022
python3 -m venv "$prefix"
"$prefix/bin/pip" install --quiet --no-deps --require-hashes \
    --requirement "$tree/deploy/requirements/build.txt" \
    --requirement "$tree/deploy/requirements/bridge.txt"
# setuptools would carry modules over that an earlier build left here and the tree no longer has.
rm -rf "$tree/build"
"$prefix/bin/pip" install --quiet --no-deps --no-build-isolation --force-reinstall "$tree"

install -d -m 0700 "$configuration"
install -m 0600 "$tree/deploy/systemd/bridge.env.example" "$configuration/bridge.env.example"
install -m 0755 "$tree/deploy/systemd/hybridsphere.sh" /usr/local/bin/hybridsphere
install -m 0644 "$tree/deploy/systemd/$unit" "/etc/systemd/system/$unit"
install -m 0644 "$tree/deploy/systemd/$page" "/etc/systemd/system/$page"
systemctl daemon-reload
systemctl --quiet enable "$unit"
systemctl try-restart "$unit" "$page"

if [ ! -e "$configuration/bridge.env" ]; then
    echo "Next: $configuration/bridge.env and $configuration/aws-credentials.env, both 0600, then"
    echo "sudo hybridsphere doctor && sudo systemctl start $unit"
    echo "The page is optional: sudo systemctl enable --now $page"
fi

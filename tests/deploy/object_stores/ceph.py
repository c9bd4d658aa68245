"""Ceph: a monitor, an object store daemon that keeps its data in memory, and a gateway."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.daemons import daemons, free_port
from tests.deploy.object_stores.store import ENVIRONMENT, ObjectStore, need, new_secret

PACKAGES = ("ceph-mon", "ceph-osd", "radosgw", "ceph-common")

_CONF = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = {folder}/keyring
admin socket =
pid file =
log file = {folder}/$name.log
mon data = {folder}/mon
mon data avail crit = 1
mon allow pool size one = true
mon max pg per osd = 1000
osd data = {folder}/osd
osd objectstore = memstore
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off

[client.rgw]
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{rgw}
"""

_ENTITIES = ("mon.", "client.admin", "client.rgw", "osd.0")


@contextmanager
def ceph(folder: Path) -> Iterator[ObjectStore]:
    """A cluster of one machine, with its data in `folder`."""
    need("ceph-mon", "ceph-osd", "radosgw", "ceph", packages=PACKAGES)
    fsid, osd, rgw, mon = str(uuid.uuid4()), str(uuid.uuid4()), free_port(), free_port()
    for place in ("mon", "osd", "rgw"):
        (folder / place).mkdir()
    conf = folder / "ceph.conf"
    conf.write_text(_CONF.format(folder=folder, fsid=fsid, mon=mon, rgw=rgw))
    options = ("-c", conf)
    with daemons(folder, ENVIRONMENT) as started:
        run = started.run
        for entity in _ENTITIES:
            create = () if (folder / "keyring").exists() else ("--create-keyring",)
            caps = (word for service in ("mon", "osd") for word in ("--cap", service, "allow *"))
            run("ceph-authtool", *create, "keyring", "--gen-key", "-n", entity, *caps)
        address = f"[v2:127.0.0.1:{mon}]"
        run("monmaptool", "--create", "--addv", "a", address, "--fsid", fsid, "monmap")
        monmap = ("--monmap", "monmap", "--keyring", "keyring")
        run("ceph-mon", *options, "--mkfs", "-i", "a", *monmap)
        started.start("mon", "ceph-mon", *options, "-i", "a", "-f")
        run("ceph", *options, "osd", "new", osd)
        run("ceph-osd", *options, "-i", "0", "--mkfs", "--osd-uuid", osd)
        started.start("osd", "ceph-osd", *options, "-i", "0", "-f")
        run("ceph", *options, "osd", "crush", "add", "osd.0", "1", "host=here", "root=default")
        gateway = (*options, "-n", "client.rgw")
        secret = new_secret()
        user = ("--uid", "hybridsphere", "--display-name", "HybridSphere")
        keys = ("--access-key", "hybridsphere", "--secret-key", secret)
        run("radosgw-admin", *gateway, "user", "create", *user, *keys)
        started.start("rgw", "radosgw", *gateway, "-f")
        endpoint = f"http://127.0.0.1:{rgw}"
        started.await_answer(endpoint)
        yield ObjectStore("ceph", endpoint, "hybridsphere", secret)

"""Swift: one proxy with the S3 middleware, and one server each for accounts and so on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.daemons import daemons, free_port
from tests.deploy.object_stores.store import ENVIRONMENT, ObjectStore, need, new_secret

PACKAGES = ("swift-proxy", "swift-account", "swift-container", "swift-object", "memcached")

_STORAGE = """
[DEFAULT]
user = root
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
fallocate_reserve = 0
disable_fallocate = true

[pipeline:main]
pipeline = {kind}-server

[app:{kind}-server]
use = egg:swift#{kind}
"""

_PROXY = """
[DEFAULT]
user = root
swift_dir = {folder}
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0

[pipeline:main]
pipeline = {filters} {kind}-server

[app:{kind}-server]
use = egg:swift#proxy
account_autocreate = true
"""

_FILTERS = {
    "catch_errors": "",
    "gatekeeper": "",
    "healthcheck": "",
    "memcache": "memcache_servers = 127.0.0.1:{memcached}",
    "listing_formats": "",
    "bulk": "",
    "s3api": "location = us-east-1",
    "tempauth": "user_test_tester = {secret} .admin",
    "slo": "",
    "dlo": "",
    "versioned_writes": "",
    "symlink": "",
}
"""The proxy's middleware in order, and the settings of each."""


@contextmanager
def swift(folder: Path) -> Iterator[ObjectStore]:
    """A cluster of one machine, with its data in `folder`."""
    need("swift-proxy-server", "swift-account-server", "memcached", packages=PACKAGES)
    need("swift-container-server", "swift-object-server", packages=PACKAGES)
    (folder / "devices" / "d1").mkdir(parents=True)
    memcached, port, secret = free_port(), free_port(), new_secret()
    with daemons(folder, ENVIRONMENT) as started:
        listening = ("-l", "127.0.0.1", "-p", str(memcached))
        started.start("memcached", "memcached", "-u", "root", *listening)
        for kind in ("account", "container", "object"):
            its_port = free_port()
            conf = folder / f"{kind}-server.conf"
            conf.write_text(_STORAGE.format(folder=folder, port=its_port, kind=kind))
            ring = ("swift-ring-builder", f"{kind}.builder")
            started.run(*ring, "create", "4", "1", "0")
            started.run(*ring, "add", f"r1z1-127.0.0.1:{its_port}/d1", "1")
            started.run(*ring, "rebalance")
            started.start(kind, f"swift-{kind}-server", conf)
        proxy = _PROXY.format(folder=folder, port=port, kind="proxy", filters=" ".join(_FILTERS))
        for name, text in _FILTERS.items():
            settings = text.format(memcached=memcached, secret=secret)
            proxy += f"\n[filter:{name}]\nuse = egg:swift#{name}\n{settings}\n"
        conf = folder / "proxy-server.conf"
        conf.write_text(proxy)
        started.start("proxy", "swift-proxy-server", conf)
        endpoint = f"http://127.0.0.1:{port}"
        started.await_answer(f"{endpoint}/healthcheck")
        yield ObjectStore("swift", endpoint, "test:tester", secret)

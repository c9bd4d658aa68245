"""Starts Heat's engine with one repair, which Debian 12 lacks; run by Debian's Python.

Since python3-oslo.messaging 14.0.3-0+deb12u1 a notification gets a copy of the context without its
credentials. A stored context asks Keystone for its roles, and cannot without them. Each signal to
an autoscaling group then ends with `Authorization failed`. The copy here has its roles already.
"""

from typing import Any

# Heat's module comes first: it replaces the sockets of all that is imported later.
from heat.cmd import engine
from oslo_messaging.notify import notifier

_copy_without_credentials = notifier._sanitize_context


def copy_without_credentials(context: Any) -> Any:
    copy = _copy_without_credentials(context)
    if not isinstance(copy, dict):
        copy._keystone_loaded = True
    return copy


if __name__ == "__main__":
    notifier._sanitize_context = copy_without_credentials
    engine.main()

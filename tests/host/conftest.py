from tests.local.conftest import gate

__all__ = ["gate"]

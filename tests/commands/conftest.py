"""The known faces of the function's tests, for the commands about galleries."""

from tests.lambda_fn.conftest import gallery, portrait

__all__ = ["gallery", "portrait"]

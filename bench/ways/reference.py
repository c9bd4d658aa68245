"""face_recognition itself, as the usual way imports it: with all of its models."""

import warnings

with warnings.catch_warnings():
    # Its models import pkg_resources, which is deprecated.
    warnings.simplefilter("ignore")
    import face_recognition

__all__ = ["face_recognition"]

"""face_recognition itself, as the usual way imports it: with all of its models."""

import warnings

with warnings.catch_warnings():
    # Its models still import pkg_resources, which warns of its own end.
    warnings.simplefilter("ignore")
    import face_recognition

__all__ = ["face_recognition"]

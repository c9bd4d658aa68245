"""The known faces."""

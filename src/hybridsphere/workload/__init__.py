"""Upload videos, then check the whole way that they took, line by line."""

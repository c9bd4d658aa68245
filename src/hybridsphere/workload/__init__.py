"""Upload videos, then check every step of their way."""

"""Forget a person: find, take away, search what is left."""

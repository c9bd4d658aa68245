"""Forget a person: find, take away, search the remains."""

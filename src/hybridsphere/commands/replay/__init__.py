"""Replays: uploads that the function processes once more."""

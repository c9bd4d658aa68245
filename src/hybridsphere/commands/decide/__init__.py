"""Decisions from the looks that are kept: made once more, and explained."""

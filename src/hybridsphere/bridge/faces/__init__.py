"""Faces fetched from the output bucket into the memory, beside the results."""

"""A result on its way out."""

"""A bucket's listing in place of a queue."""

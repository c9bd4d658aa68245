"""One module a view: what it reads, and what it says."""

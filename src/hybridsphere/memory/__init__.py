"""Every face that was seen, what people said of it, and what follows: one SQLite file."""

"""The record of every upload: one SQLite file."""

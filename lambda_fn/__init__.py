"""The function: one video in, the name of whoever is in it out."""

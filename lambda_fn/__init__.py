"""The function: one video in, the name of the person in it out."""

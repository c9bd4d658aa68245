"""Identification and attendance: who is in a video."""

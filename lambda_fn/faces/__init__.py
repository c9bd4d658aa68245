"""Faces in a frame: detection and embeddings."""

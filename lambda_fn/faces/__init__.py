"""Faces in a frame: detection, alignment and embeddings."""

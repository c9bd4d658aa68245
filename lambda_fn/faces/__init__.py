"""Engine in a frame: detection and embeddings."""

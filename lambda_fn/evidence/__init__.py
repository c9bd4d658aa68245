"""Evidence: the faces of a video, kept beside its CSV for those who check the answer."""

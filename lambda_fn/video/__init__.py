"""A video in S3, read as frames."""

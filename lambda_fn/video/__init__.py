"""Videos in S3, decoded to frames."""

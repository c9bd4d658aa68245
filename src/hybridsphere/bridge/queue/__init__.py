"""One SQS queue: receive, hold, handle, delete."""

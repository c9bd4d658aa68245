"""A loop-back double of SQS and Lambda."""

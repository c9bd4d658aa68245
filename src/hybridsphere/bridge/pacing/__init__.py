"""The pace of calls: back-off, circuit breaker, limit."""

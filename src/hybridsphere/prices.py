"""The prices of Lambda, with their date.

The list is that of https://aws.amazon.com/lambda/pricing/ for us-east-1, first tier, without the
free tier. Most regions have the same prices; the dearest are a quarter higher. S3, SQS and DynamoDB
are not in it: they cost the same wherever the function runs.
"""

DATED = "2026-11-01"

PER_GB_S_USD = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
"""A second with 1,024 MB of memory."""

PER_REQUEST_USD = 0.0000002

LAMBDA = "lambda"
"""The place of results from Lambda, as messages name it; every other is one's own machine."""


def lambda_usd(billed_ms: int, memory_mb: int, architecture: str = "x86_64") -> float:
    """Return the price of one invocation in Lambda."""
    return billed_ms / 1000 * memory_mb / 1024 * PER_GB_S_USD[architecture] + PER_REQUEST_USD


def cost_usd(place: str | None, billed_ms: int | None, memory_mb: int | None) -> float | None:
    """Return what an invocation cost: nothing at home, None where its figures are not known."""
    if place is not None and place != LAMBDA:
        return 0.0
    if place is None or billed_ms is None or memory_mb is None:
        return None
    return lambda_usd(billed_ms, memory_mb)

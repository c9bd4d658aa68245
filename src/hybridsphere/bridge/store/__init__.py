"""Results made durable: ledger rows and CSV files."""

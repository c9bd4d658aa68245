"""The page: what people see of the ledger and the memory, and what they say to it."""

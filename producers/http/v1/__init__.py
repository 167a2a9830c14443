"""The ledger's own API: everything it can do, under /v1/."""

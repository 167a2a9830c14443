"""What listens to the topics, what reads what the ledger knows, and the auditor."""

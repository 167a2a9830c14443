"""What is said to a bank, and what its answers mean (docs/BANK.md)."""

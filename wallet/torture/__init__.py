"""Torture: breaking the ledger on purpose, by the seed, and having the auditor look at the rest."""

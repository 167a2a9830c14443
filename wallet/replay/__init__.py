"""Replay: the ledger made again from its commands topic, by the real rules, and held against it.

Nothing here sends to Kafka or calls a bank: it reads logs and writes to one database. What the
bank has answered are commands in the log (settle, fail), which are decided again like all others.
"""

"""The delayed-topic consumer: when a withdrawal's time has come it sends `withdrawal.execute`.

Once, in effect: the command's id follows from the withdrawal's, and the ledger executes only what
is scheduled. Never early: the ledger refuses what is not due by its own clock. Progress is in the
ledger's tables alone, so this process can be killed at any point.
"""

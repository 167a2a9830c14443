"""The composition root: the `wallet` command line and the local stack."""

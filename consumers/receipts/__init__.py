"""Receipts of transfers: a page of PDF each, made after the transfer, from its event.

A receipt is a projection: what is lost can be made again from the events, under the same name and
with the same facts. No money hangs on it.
"""

"""The newest balance of every wallet on a compacted topic: a projection of the events.

It holds no state of its own but its group's offsets, which are committed in the transaction of what
it publishes. Lost, moved back or expired, they cost work and nothing else.
"""

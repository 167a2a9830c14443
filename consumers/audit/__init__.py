"""The auditor: judges the topics and the database by rules of its own (DESIGN.md 4).

It shares no code with `streams`, only the vocabulary: what both got wrong would stay unseen.
"""

"""Dead letters as a person deals with them: looked at, sent again, dropped.

A letter stays where it is, in the log and in its table, for ever. What is kept beside it is what
was decided about it, by whom and why.
"""

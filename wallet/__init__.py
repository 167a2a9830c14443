"""The composition root: the command line, the local stack, replay, measuring, torture."""

"""Looks at messages before they are sent: what is wrong with each, where, and how to mend it."""

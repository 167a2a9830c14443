"""What listens to the topics: the auditor and the tail of events."""

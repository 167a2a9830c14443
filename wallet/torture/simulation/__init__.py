"""The simulation: real claims and batches on servers in memory, one schedule for each seed."""

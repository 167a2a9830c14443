"""Benchmarks: figures with a ratio against something in the same run, never a timed test."""

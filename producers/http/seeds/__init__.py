"""The five existing services: their paths, bodies and errors, unchanged, on our commands."""

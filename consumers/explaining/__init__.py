"""The path of one command: from its record to everything that came of it, with times and places."""

"""Who asks, and what they may: people, their credentials, roles, limits, and the log of it all."""

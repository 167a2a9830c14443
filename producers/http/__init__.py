"""The HTTP gateway: every POST becomes a command and waits for its result, every GET reads."""

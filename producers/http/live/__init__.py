"""What happens to wallets, told while it happens: server-sent events and a WebSocket."""

"""What speaks into Kafka: the command client, the gateway, the load generator; connections."""

"""What speaks into Kafka: the command client and the load generator."""

"""A development setup on one machine: real Kafka, real PostgreSQL, the workers, one supervisor."""

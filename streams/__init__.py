"""The only writer of money: commands in from Kafka, one PostgreSQL commit, results out."""

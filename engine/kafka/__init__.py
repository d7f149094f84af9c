"""Kafka: the relay sends what the outbox holds, the consumer turns records into stimuli; clients, offsets, dead letters."""

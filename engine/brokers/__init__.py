"""The message brokers that the relay can publish to. The client of each is an extra."""

"""The shop's ways to the world outside: what performs the effects that the rules ask for."""

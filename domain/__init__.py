"""The shop's rules: aggregates with their commands and events. Pure: no I/O, no clock, no randomness."""

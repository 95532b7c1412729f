"""What the command line does: each command in a file of its own, on top of every package."""

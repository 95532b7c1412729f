"""The tables of the shop, folded from examples."""

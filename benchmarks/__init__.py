"""What the server does, measured beside what this machine could do at best: `python -m benchmarks [name ...]`.

How it is measured: the server, or the code under test, is pinned to one core and whoever loads it to another. A figure
and its limit are measured in slices that take turns, and the medians of the slices are shown, since other work on the
machine then hits both. Trust the ratios; the absolute figures are this machine's. Whoever subscribes proves it: every
row that is due must have come, once, in frames that join on, or the measurement fails.
"""

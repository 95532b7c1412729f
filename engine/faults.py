"""The unforeseen that has a name: what the engine cannot do now, and why, in a sentence ready to be shown.

Exception
├── Unavailable     a store cannot do it at the moment, or cannot be opened at all
│   └── Taken       another process writes to its file
├── Busy            too much is waiting already
└── UnknownEvent    the log holds what this code cannot read
"""


class Unavailable(Exception):
    """The store cannot do it at the moment: disk full, file gone, no connection free in time."""


class Taken(Unavailable):
    """Another process writes to the file."""


class Busy(Exception):
    """Too much is waiting already. The message says of what, and may be shown to whoever asked."""


class UnknownEvent(Exception):
    """The log holds an event that this code cannot read: it was written by other or newer code."""

"""The unforeseen that has a name: what the engine cannot do now, and why, in a sentence ready to be shown.

Exception
├── Unavailable       a store cannot do it at the moment, or cannot be opened at all
│   ├── Away          nobody answers where the store is
│   ├── Taken         another process writes to its tables
│   ├── Unsettled     it could at the next attempt, if that may be made
│   ├── SetBack       it has lost what it did last, and could from there
│   ├── Replaced      it could, for who reads again
│   └── Unconfirmed   whether it was done is not known
├── LeaseLost         another process owns what this one did
├── Busy              too much is waiting already
├── ProjectionFailed  a read model cannot take an event
└── UnknownEvent      the log holds what this code cannot read
"""


class Unavailable(Exception):
    """The store cannot do it at the moment: disk full, file gone, no connection free in time."""


class Away(Unavailable):
    """Nobody answers where the store is, or all who would ask it wait for an answer."""


class Taken(Unavailable):
    """Another process writes to the file, or to the tables."""


class Unsettled(Unavailable):
    """The connection gave way: it may be asked for again on another one."""


class SetBack(Unavailable):
    """A table is at an older position than it was: its server failed, and what it did last is gone."""


class Replaced(Unavailable):
    """There is no such table. It may just have given way to a rebuilt one, which who reads again finds."""


class Unconfirmed(Unavailable):
    """The connection was lost while something was being committed: it may be stored, or not."""


GONE = (Away, Unsettled, Unconfirmed)
"""The server that has the store is not there, or was not a moment ago. Nothing is wrong with what was asked of it, so
it is asked again soon, however long it has been gone."""


class LeaseLost(Exception):
    """Another process owns what this one did, or may: whoever wanted to store something for it stops, and did not."""


class Busy(Exception):
    """Too much is waiting already. The message says of what, and may be shown to whoever asked."""


class ProjectionFailed(Exception):
    """A fold or a write failed at an event, which the message names."""

    def __init__(self, message: str, event: str = "unknown") -> None:
        super().__init__(message)
        self.event = event
        "Its type."


class UnknownEvent(Exception):
    """The log holds an event that this code cannot read: it was written by other or newer code."""

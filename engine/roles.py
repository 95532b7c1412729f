"""Roles: what one process of several does for the application that they run together."""

from collections.abc import Collection
from enum import StrEnum


class Role(StrEnum):
    """Each is had by any number of processes; one process may have any number of them."""

    API = "api"
    "Takes commands, answers queries, feeds subscriptions."
    PROJECTOR = "projector"
    "Folds the log into the read tables."
    REACTOR = "reactor"
    "Runs the processes: what follows from an event, and from the time."
    RELAY = "relay"
    "Publishes the log to a message broker."


ALL = frozenset(Role)


def parsed(text: str) -> frozenset[Role]:
    """The roles of a list with commas between them. Raises ValueError, with what it must be."""
    names = {name.strip().lower() for name in text.split(",") if name.strip()}
    if not names or not names <= {*Role}:
        raise ValueError(f"must be one or more of {shown(ALL)}, with commas between them")
    return frozenset(map(Role, names))


def shown(roles: Collection[Role]) -> str:
    """Roles in a sentence."""
    return ", ".join(role for role in Role if role in roles)

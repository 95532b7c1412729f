"""Text that people type: never blank, never endless, never with characters that break a terminal or a database."""

import re

from engine.refusals import InvalidInput

MOST_CHARACTERS = 200

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:~-]{1,64}")


def text(field: str, value: str, most: int = MOST_CHARACTERS) -> InvalidInput | None:
    """What is wrong with a line of text: blank, longer than `most` characters, or holding control characters."""
    if not value.strip():
        return InvalidInput("Must not be blank.", [field])
    return characters(field, value, most)


def characters(field: str, value: str, most: int) -> InvalidInput | None:
    """What is wrong with the characters of a value that may also be blank. Line breaks and tabs are let through."""
    if len(value) > most:
        return InvalidInput(f"Must have at most {most} characters; this has {len(value)}.", [field])
    # What can be printed holds none of them; to find that out takes a tenth of the time.
    if not value.isprintable() and _CONTROL.search(value):
        return InvalidInput("Must not hold control characters or half of a surrogate pair.", [field])
    return None


def identifier(field: str, value: str) -> InvalidInput | None:
    """What is wrong with an id: it has 1 to 64 characters out of A-Z a-z 0-9 . _ : ~ -."""
    if not _IDENTIFIER.fullmatch(value):
        return InvalidInput("An id has 1 to 64 characters out of A-Z a-z 0-9 . _ : ~ -", [field])
    return None


def named(key: str) -> str:
    """An id or key as a message shows it: quoted, and no longer than one that exists could be."""
    return repr(key if len(key) <= MOST_CHARACTERS else key[:MOST_CHARACTERS] + "…")


def whole(field: str, value: int, least: int, most: int) -> InvalidInput | None:
    """What is wrong with a number that must lie from `least` to `most`, both included."""
    if not least <= value <= most:
        return InvalidInput(f"Must lie between {least} and {most}; this is {value}.", [field])
    return None

"""How a person is named and reached: text that cannot hold a bad value."""

import re
import unicodedata
from typing import Any

from domain.text import characters
from engine.refusals import InvalidInput, check
from engine.shapes import Value

MOST_EMAIL = 254
LEAST_PASSWORD, MOST_PASSWORD = 8, 128
"Measured in characters. The most bounds what hashing costs."

_EMAIL = re.compile(r"[^@\s<>()\[\],;:\\\"]+@([^@\s<>()\[\],;:\\\".]+\.)+[^@\s<>()\[\],;:\\\".]+")


def email(field: str, value: str) -> InvalidInput | None:
    """What is wrong with an email address; whether it reaches anybody only a message can tell."""
    if problem := characters(field, value, MOST_EMAIL):
        return problem
    # Printable, as what cannot be seen would make two addresses that look the same.
    if not _EMAIL.fullmatch(value) or ".." in value or not value.isprintable():
        return InvalidInput("An email address looks like name@example.org.", [field])
    return None


def same_email(value: str) -> str:
    """The form in which two spellings of one address are equal."""
    # Folding the case takes some characters apart that normalizing had put together.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())


class Password(Value):
    """A password that may be chosen. It never leaves memory: what is kept is a hash of it."""

    text: str
    field: str = "password"
    "The input that it came in, for the message."

    def __post_init__(self) -> None:
        length = len(self.text)
        problem = None
        if not LEAST_PASSWORD <= length <= MOST_PASSWORD:
            problem = f"A password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters; this has {length}."
        elif not self.text.strip():
            problem = "A password must not be blank."
        check(InvalidInput(problem, [self.field]) if problem else characters(self.field, self.text, MOST_PASSWORD))

    def __repr__(self) -> str:
        return "Password(…)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []  # a pretty printer asks this first

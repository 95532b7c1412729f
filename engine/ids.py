"""The only reader of randomness: ids that sort by time, and ids derived from others."""

import random as _random
import secrets
import uuid

from uuid_utils import uuid7

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"Digits and letters, without I, L, O and U, which are misread."


def new() -> str:
    """A fresh id. Ids made later sort later, which keeps appends at the end of an index."""
    return uuid7().hex  # straight from the fast type: making a uuid.UUID of it first costs 1 µs, and it stays in here


def derived(*parts: str) -> str:
    """The id that always follows from `parts`, so that a repeat makes the same one."""
    return uuid.uuid5(uuid.NAMESPACE_OID, "\x00".join(parts)).hex


def code(*parts: str) -> str:
    """Eight characters, easy to read out, that always follow from `parts`: 40 bits in Crockford's base 32."""
    bits = uuid.uuid5(uuid.NAMESPACE_OID, "\x00".join(parts)).int & (2**40 - 1)
    return "".join(CROCKFORD[bits >> shift & 31] for shift in range(35, -1, -5))


random = _random.random
"A float from 0 to 1, for jitter."

Seeded = _random.Random


def seeded(seed: int) -> Seeded:
    """A generator that always gives the same, for what is made up. Nothing that must not be guessed comes from it."""
    return Seeded(seed)


def secret(count: int) -> bytes:
    """Bytes that nobody can guess, for keys."""
    return secrets.token_bytes(count)

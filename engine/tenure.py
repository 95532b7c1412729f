"""Who may own a consumer, and until when: the rules of a lease, without a clock and without a database.

Two clocks meet here. When a lease expires is told by the database's, as all candidates read the same one. When its
owner has to renew it is told by the owner's own, which never goes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Lease:
    """What is stored of a consumer's owner. `token` grows with each new owner, so that an old one can be told."""

    owner: str
    token: int
    expires_at: int
    "In milliseconds of the database's clock."


NOBODYS = Lease("", 0, 0)


def is_free(lease: Lease, now: int, span: int) -> bool:
    """Whether anybody may take it. One that lasts longer than any is given was written before the clock went back."""
    return lease.expires_at <= now or lease.expires_at > now + 2 * span


def taken(lease: Lease, owner: str, now: int, span: int) -> Lease | None:
    """The lease of a new owner; None while it is another's, or this owner's own of before."""
    return Lease(owner, lease.token + 1, now + span) if is_free(lease, now, span) else None


def renewed(lease: Lease, token: int, now: int, span: int) -> Lease | None:
    """The lease for longer; None when somebody else took it. One that expired, but which nobody took, goes on."""
    return replace(lease, expires_at=now + span) if lease.token == token else None


def released(lease: Lease, token: int) -> Lease | None:
    """The lease for whoever comes first; None when somebody else took it. Its token stays used."""
    return replace(lease, owner="", expires_at=0) if lease.token == token else None


def renew_after(span: float) -> float:
    """Seconds between two renewals: two may fail before it is lost."""
    return span / 3


def look_after(span: float, chance: float) -> float:
    """Seconds between two looks of a candidate, who does not look together with the others."""
    return span / 6 * (0.5 + 0.5 * chance)


def is_over(renewed_at: float, now: float, span: float) -> bool:
    """Whether an owner whose store has not answered has to take it that another took over."""
    return now >= renewed_at + span


def share(consumers: int, living: Sequence[str], me: str) -> int:
    """How many consumers are this one's part, of all who live: as many as anybody's, or one more for the first of them.

    The parts of all together are exactly the consumers, so that none is left over and nobody has to give way for ever.
    """
    others = sorted(set(living) | {me})
    least, more = divmod(consumers, len(others))
    return least + (others.index(me) < more)

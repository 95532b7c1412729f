"""Which of the media types that GraphQL is spoken in a client wants, and which it sends."""

from functools import lru_cache
from typing import NamedTuple

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
STREAM = "text/event-stream"

# The later one wins between two that are wanted as much, and were named as exactly.
ANSWERS = (STREAM, GRAPHQL, JSON)


class Wanted(NamedTuple):
    """What a client takes."""

    answer: str | None
    "The media type for an operation with one answer; None when it takes none that we speak."
    stream: bool
    "Whether it takes text/event-stream, which is the only one for an operation with many."


@lru_cache(maxsize=256)
def wanted(accept: bytes) -> Wanted:
    """What to answer in, by quality, then by how exactly it was named.

    A client that takes anything gets application/json, as those written before the others existed expect; a stream is
    for those who name it.
    """
    ranges = [_wish(part) for part in accept.decode("latin-1").lower().split(",") if part.strip()]
    if not ranges:
        return Wanted(JSON, False)
    fits = {media: _fit(media, ranges) for media in ANSWERS}
    if fits[STREAM][1] < 2:
        fits[STREAM] = (0.0, 2)
    quality, _, chosen = max((*fits[media], ANSWERS.index(media)) for media in ANSWERS)
    answer = ANSWERS[chosen]
    # Only naming the newer one as exactly undoes that a tie falls to application/json.
    if answer == JSON and fits[GRAPHQL] == (quality, 2):
        answer = GRAPHQL
    return Wanted(answer if quality > 0 else None, fits[STREAM][0] > 0)


@lru_cache(maxsize=256)
def is_json(content_type: bytes) -> bool:
    """Whether a body of this type is JSON in UTF-8."""
    media, *parameters = (part.strip() for part in content_type.decode("latin-1").lower().split(";"))
    charsets = [each.partition("=")[2].strip('" ') for each in parameters if each.startswith("charset=")]
    return media == JSON and all(charset in ("utf-8", "utf8") for charset in charsets)


def _wish(part: str) -> tuple[str, float]:
    media, *parameters = (each.strip() for each in part.split(";"))
    quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return media, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return media, 0.0


def _fit(media: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """The quality given by the most exact range that covers a media type, and how exact that range is."""
    exactness = {media: 2, media.partition("/")[0] + "/*": 1, "*/*": 0}
    fits = [(exactness[range_], quality) for range_, quality in ranges if range_ in exactness]
    exact, quality = max(fits, default=(0, 0.0))
    return quality, exact

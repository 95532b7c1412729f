"""Which of the media types that GraphQL is spoken in a client wants, and which it sends."""

from functools import lru_cache

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"


@lru_cache(maxsize=256)
def acceptable(accept: bytes) -> str | None:
    """The media type to answer in, by quality, then by how exactly it was named; None when neither is wanted.

    A client that takes anything gets application/json, as those written before the other existed expect.
    """
    wanted = [_wish(part) for part in accept.decode("latin-1").lower().split(",") if part.strip()]
    if not wanted:
        return JSON
    quality, _, chosen = max((*_fit(media, wanted), media) for media in (GRAPHQL, JSON))
    # The names sort so that a tie falls to application/json; only naming the newer one as exactly undoes that.
    if _fit(GRAPHQL, wanted) == (quality, 2):
        chosen = GRAPHQL
    return chosen if quality > 0 else None


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


def _fit(media: str, wanted: list[tuple[str, float]]) -> tuple[float, int]:
    """The quality given by the most exact range that covers a media type, and how exact that range is."""
    exactness = {media: 2, media.partition("/")[0] + "/*": 1, "*/*": 0}
    fits = [(exactness[range_], quality) for range_, quality in wanted if range_ in exactness]
    exact, quality = max(fits, default=(0, 0.0))
    return quality, exact

"""URLs of databases: whether they can be meant, and what may be shown of them."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

_FILE = "sqlite:///"
_SERVER = "postgresql://"


def wrong(url: str) -> str | None:
    """What a database's URL must be that this one is not; None when it may be meant."""
    if url.startswith(_FILE) and url.removeprefix(_FILE).strip():
        return None
    if not url.startswith(_SERVER):
        return (
            "must name a SQLite file, for example sqlite:///data/log.db or sqlite:////absolute/path.db, "
            "or a database on PostgreSQL, for example postgresql://shop:password@db.example:5432/shop"
        )
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "must have a host and a port that can be read; special characters of a password are percent-encoded"
    if "@" in parts.path:
        return "must have special characters of a password percent-encoded: %40 for @, %2F for /"
    if not parts.path.strip("/"):
        return "must name a database after the host, for example postgresql://db.example/shop"
    return None


def file(url: str) -> Path | None:
    """The path that a URL names; None when it names a database on a server."""
    return Path(url.removeprefix(_FILE)) if url.startswith(_FILE) else None


def shown(url: str) -> str:
    """What a database is called in a sentence: the path, or the URL without who signs in with which password."""
    if (path := file(url)) is not None:
        return str(path)
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{_SERVER}{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def without_password(text: str, url: str) -> str:
    """What a driver says of a connection; it must not name the password."""
    password = urlsplit(url).password
    if not password:
        return text
    return text.replace(password, "***").replace(unquote(password), "***")

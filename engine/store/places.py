"""Where the tables are that a URL names."""

from engine import urls
from engine.store.postgres import Database
from engine.store.session import Place
from engine.store.sqlite import File


def place(url: str) -> Place:
    """A file for sqlite:///, a database on a server for postgresql://."""
    path = urls.file(url)
    return Database(url) if path is None else File(path)

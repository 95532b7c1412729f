"""What a person typed, as a full-text query."""

import sqlite3
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from threading import Lock

MOST_SEARCHED = 256
"Characters of a search that count; the rest could only cost."
_LONGEST = 500
"Characters of a word that count: PostgreSQL takes up to 2046 bytes."
_MOST_PLACES = 255
"Of one word in a row: as many as PostgreSQL keeps."
TOKENIZER = "unicode61 remove_diacritics 2"
"What words are, and which are the same, in every database."


def search_terms(text: str) -> str | None:
    """What a person typed, as a query in which every word must be the start of one; None when it holds no word."""
    words = [word.replace('"', '""') for word in _words(text)]
    return " AND ".join(f'"{word}"*' for word in words) or None


def search_vector(text: str) -> str | None:
    """The same as a tsquery: the parts of what is between two spaces follow one another."""
    phrases = [tokens(word) for word in _words(text)]
    if not all(phrases):
        return None
    return " & ".join(f"({' <-> '.join(map(_quoted, phrase))}:*)" for phrase in phrases) or None


def vector(texts: Iterable[str | None]) -> str:
    """The words of a row's columns as a tsvector, each with its place; no phrase goes over from one to the next."""
    places: dict[str, list[int]] = {}
    place = 0
    for text in texts:
        for token in tokens(text or ""):
            place += 1
            places.setdefault(token, []).append(place)
        place += 1
    return " ".join(f"{_quoted(token)}:{','.join(map(str, found[:_MOST_PLACES]))}" for token, found in places.items())


def tokens(text: str) -> list[str]:
    """The words of a text as SQLite's tokenizer has them: letters and digits, small, without accents."""
    return [word[:_LONGEST] for word in "".join(map(_folded, text)).split(" ") if word]


def _words(text: str) -> list[str]:
    plain = "".join(each if unicodedata.category(each) not in ("Cc", "Cs") else " " for each in text[:MOST_SEARCHED])
    return [word for word in plain.split() if any(each.isalnum() for each in word)]


def _quoted(token: str) -> str:
    return "'" + token.replace("\\", "\\\\").replace("'", "''") + "'"


class _Tokenizer:
    """SQLite's own, asked for one character: its rules are of another Unicode than Python's, and have exceptions."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.execute(f"CREATE VIRTUAL TABLE given USING fts5(text, tokenize='{TOKENIZER}')")
        self._connection.execute("CREATE VIRTUAL TABLE found USING fts5vocab(given, instance)")

    def between(self, character: str) -> list[str]:
        """The tokens of the character between an a and a b."""
        with self._lock:
            self._connection.execute("DELETE FROM given")
            self._connection.execute("INSERT INTO given VALUES (?)", (f"a{character}b",))
            return [term for (term,) in self._connection.execute("SELECT term FROM found ORDER BY offset")]


_tokenizer = cache(_Tokenizer)


@lru_cache(maxsize=65536)
def _folded(character: str) -> str:
    """A letter in its small form without what stands over or under it; nothing for a mark by itself, else a space."""
    if character.isascii():
        return character.lower() if character.isalnum() else " "
    if "\ud800" <= character <= "\udfff":
        return " "
    found = _tokenizer().between(character)
    return found[0][1:-1] if len(found) == 1 else " "

"""What a person typed, as a full-text query."""

import unicodedata

MOST_SEARCHED = 256
"Characters of a search that count; the rest could only cost."


def search_terms(text: str) -> str | None:
    """What a person typed, as a query in which every word must be the start of one; None when it holds no word."""
    plain = "".join(each if unicodedata.category(each) not in ("Cc", "Cs") else " " for each in text[:MOST_SEARCHED])
    words = [word.replace('"', '""') for word in plain.split() if any(each.isalnum() for each in word)]
    return " AND ".join(f'"{word}"*' for word in words) or None

"""What the desk weighs, all its pages together: GraphiQL is not of it, and loads nothing for who does not open it."""

import re
from pathlib import Path

BUDGET = 220 * 1024
"Bytes, compressed as they go over the wire."
NAMED = re.compile(r"[\w.-]+-[\w-]{8}\.(?:js|css)")


def loaded(build: Path, page: str) -> set[Path]:
    """The parts that a page loads, at once or once something is opened."""
    found: set[Path] = set()
    waiting = [build / page]
    while waiting:
        for name in NAMED.findall(waiting.pop().read_text()):
            part = build / "assets" / name
            if part.is_file() and part not in found:
                found.add(part)
                waiting.append(part)
    return found


def test_the_desk_keeps_its_budget(built: Path) -> None:
    parts = loaded(built, "index.html")
    assert len(parts) > 20
    assert sum(part.with_name(f"{part.name}.gz").stat().st_size for part in parts) <= BUDGET


def test_the_desk_loads_nothing_of_graphiql(built: Path) -> None:
    editors = {part for part in loaded(built, "graphiql.html") if part.stat().st_size > 1024 * 1024}
    assert editors
    assert not editors & loaded(built, "index.html")

"""What the slowest document costs that somebody can send."""

import time

import schema
from benchmarks import hostile, machine
from benchmarks.report import Row
from engine.graphql.documents import Documents

MOST = 0.05
"Seconds."


def measure(*, rounds: int = 3) -> tuple[Row, ...]:
    machine.pin(machine.SERVED)
    documents = Documents(schema.build()._schema, entries=0)
    texts = dict(hostile.documents())
    taken = {name: min(_seconds(documents, text) for _ in range(rounds)) for name, text in texts.items()}
    slowest = max(taken, key=taken.__getitem__)
    return (
        Row(
            f"read or refuse one of {len(texts)} hostile documents of up to 100 KB",
            f"{taken[slowest] * 1e3:.0f} ms at most",
            "-",
            "",
            f"<= {MOST * 1e3:.0f} ms",
            taken[slowest] <= MOST,
            (f"the slowest: {slowest}.",),
        ),
    )


def _seconds(documents: Documents, text: str) -> float:
    """Of processor time."""
    start = time.process_time()
    documents.find(text)
    return time.process_time() - start

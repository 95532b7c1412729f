"""`server.py schema`: the files that are made from the code."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
from graphql import lexicographic_sort_schema, print_schema
from strawberry.utils.str_converters import to_camel_case

import schema
from cli.application import DECLARATIONS
from cli.settings import ShopSettings
from domain.standing import Role
from engine import metrics as figures
from engine.codec import members
from engine.declarations import Declarations
from engine.shapes import Aggregate, ReadModel
from schema import permissions as held
from schema.access import TABLE, Access
from schema.viewers import ANONYMOUS, Viewer

GENERATED = "<!-- Made from the code by `make schema`; do not edit. -->"


def sdl() -> str:
    """The schema in the schema definition language, sorted, so that a change to it shows as a small difference."""
    return print_schema(lexicographic_sort_schema(schema.build()._schema)) + "\n"


def settings() -> str:
    """The page of all settings."""
    rows = (
        (f"`{name.upper()}`", f"`{_plain(field.default)}`" if field.default != "" else "empty", field.description or "")
        for name, field in ShopSettings.model_fields.items()
    )
    return _page(
        "Settings",
        "Read from the environment, then from a file `.env` in the working directory. A wrong value stops the start "
        "with a\nsentence that names it, and exit code 2. So does a name in `.env` that is no setting.\n",
        _table(("Setting", "Default", "Meaning"), rows),
    )


def metrics() -> str:
    """The page of all figures."""
    rows = (
        (f"`{each.name}`", each.kind.value, ", ".join(f"`{label}`" for label in each.labels) or "none", each.help)
        for each in figures.METRICS
    )
    return _page(
        "Metrics",
        "What `/metrics` says, in the text format of Prometheus; `_seconds` are seconds, all else are plain numbers. "
        "Beside\nthese stand the figures of the process, `process_*`, by which memory, processor time and open files "
        "are watched.\nA label has as many values as the application declares names of that kind, or the values that "
        "are listed.\n",
        _table(("Metric", "Kind", "Labels", "Meaning"), rows),
    )


VIEWERS = {"anonymous": ANONYMOUS, **{role.name.lower(): Viewer("somebody", role) for role in Role}}


def permissions() -> str:
    """The page of who may do what."""
    rows = (
        (
            f"`{name}`",
            root.lower(),
            *(_admitted(TABLE[root][name], each) for each in VIEWERS.values()),
        )
        for root, name, _ in held.operations(schema.build()._schema)
    )
    return _page(
        "Permissions",
        'Who may use which operation. To one who is not signed in "no" is the top-level error UNAUTHENTICATED, to '
        'anyone\nelse FORBIDDEN. Where the description of an operation says self, own or owner, a "yes" means what '
        "belongs to\nthe viewer, and anything else is FORBIDDEN or not shown.\n",
        _table(("Operation", "Kind", *VIEWERS), rows),
    )


def _admitted(access: Access, viewer: Viewer) -> str:
    return "yes" if access.admits(viewer) else "no"


def describe(declarations: Declarations = DECLARATIONS) -> str:
    """The map of the system: command, aggregate, events, read models."""
    mutations = schema.build()._schema.mutation_type
    names = set(mutations.fields) if mutations else set()
    return _page(
        "Map",
        "What the packages declare: which commands an aggregate decides, by which mutation they come, which events it "
        "stores,\nand which read models show them.\n",
        *(part for each in declarations.aggregates for part in _aggregate(each, declarations.models, names)),
        "## Read models\n",
        _table(("Read model", "Version", "A row for each", "Folds"), map(_model, declarations.models)),
    )


def _aggregate(aggregate: Aggregate[Any], models: Iterable[ReadModel[Any]], mutations: set[str]) -> Iterator[str]:
    yield f"## {aggregate.name}\n"
    yield f"Stream `{aggregate.name}-<{aggregate.identity}>`.\n"
    names = [command.__name__ for command in members(aggregate.decide, 1)]
    mutation = {name: to_camel_case(name[0].lower() + name[1:]) for name in names}
    yield _table(
        ("Command", "Mutation"),
        ((f"`{name}`", f"`{mutation[name]}`" if mutation[name] in mutations else "none") for name in sorted(names)),
    )
    folded = {model.name: members(model.apply, 1) for model in models}
    yield _table(
        ("Event", "Schema", "Fields", "Read models"),
        (
            (
                f"`{event.__name__}`",
                str(event.schema),
                ", ".join(field.name for field in msgspec.structs.fields(event)),
                ", ".join(name for name, source in folded.items() if event in source) or "none",
            )
            for event in sorted(members(aggregate.evolve, 1), key=lambda each: each.__name__)
        ),
    )


def _model(model: ReadModel[Any]) -> tuple[str, ...]:
    folds = ", ".join(sorted(event.__name__ for event in members(model.apply, 1)))
    return f"`{model.name}`", str(model.version), f"stream of `{model.of}`" if model.of else "key", folds


def _page(title: str, *parts: str) -> str:
    return "\n".join((f"# {title}\n", f"{GENERATED}\n", *parts))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def write(files: Mapping[Path, str], *, check: bool) -> int:
    """Write the files, or with `check` say which are out of date: exit code 1 if any is."""
    stale = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if check:
            click.echo(f"{path.name} is out of date; run `make schema`.", err=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
            click.echo(f"{path.name} written.", err=True)
    return 1 if check and stale else 0

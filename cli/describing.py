"""`server.py schema`: the files that are made from the code."""

from collections.abc import Mapping
from pathlib import Path

import click
from graphql import lexicographic_sort_schema, print_schema

import schema


def sdl() -> str:
    """The schema in the schema definition language, sorted, so that a change to it shows as a small difference."""
    return print_schema(lexicographic_sort_schema(schema.build()._schema)) + "\n"


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

"""Everything in the schema says what it is."""

from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    is_specified_scalar_type,
)

from tests.running import built


def described() -> Iterator[tuple[str, str | None]]:
    for name, type_ in built()._schema.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(type_):
            continue
        yield name, type_.description
        if isinstance(type_, GraphQLEnumType):
            for value, definition in type_.values.items():
                yield f"{name}.{value}", definition.description
        if isinstance(type_, GraphQLInputObjectType):
            for key, entry in type_.fields.items():
                yield f"{name}.{key}", entry.description
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for key, field in type_.fields.items():
                yield f"{name}.{key}", field.description
                for argument, given in field.args.items():
                    yield f"{name}.{key}({argument})", given.description


def test_everything_is_described() -> None:
    found = dict(described())
    assert len(found) > 200
    assert [place for place, text in found.items() if not text] == []


def test_a_description_is_a_sentence() -> None:
    assert [place for place, text in described() if text and not text.rstrip(')`"').endswith((".", "…"))] == []

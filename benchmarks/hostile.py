"""Documents of up to 100 KB that are made to be slow to answer, for the shop's schema."""

from collections.abc import Iterator

from graphql import Lexer, Source, TokenKind

from engine.graphql.bounds import MAX_ALIASES, MAX_LENGTH, MAX_LINES, MAX_NESTING, MAX_ROOTS, MAX_TOKENS

LONGEST = 100_000
"Characters."

REPEATED = {
    "the same field": ("{ medicine(id: 1) {", "id", "} }"),
    "aliases of one field": ("{ medicine(id: 1) {", "a#: id", "} }"),
    "aliases of a page": ("{", "a#: medicines { nodes { id } }", "}"),
    "one field with the same argument": ("{", "medicine(id: 1) { id }", "}"),
    "one field with other arguments": ("{", "medicine(id: #) { id }", "}"),
    "one page, over and over": ("{", "medicines { nodes { id name } edges { node { id } } }", "}"),
    "lists inside one node": ("{ orders { nodes {", "lines { quantity }", "} } }"),
    "unknown fields": ("{", "medicins#", "}"),
    "unknown types": ("{", "... on Medicin# { id }", "}"),
    "unknown arguments": ("{ medicine(", "id#: 1", ") { id } }"),
    "unknown fragments": ("{", "...F#", "}"),
    "unknown directives": ("{ __typename", "@d#", "}"),
    "unknown enum values": ("{ orders(filter: { status: [", "PLACE#", "] }) { nodes { id } } }"),
    "unknown fields of an input": ("{ medicines(filter: {", "a#: 1", "}) { nodes { id } } }"),
    "an argument many times": ("{ medicine(", "id: 1", ") { id } }"),
    "a field of an input many times": ("{ medicines(filter: {", "ids: 1", "}) { nodes { id } } }"),
    "ids": ("{ medicines(filter: { ids: [", "#", "] }) { nodes { id } } }"),
    "ids that are none": ("{ medicines(filter: { ids: [", "{}", "] }) { nodes { id } } }"),
    "inline fragments": ("{ medicine(id: 1) {", "... on Medicine { id name }", "} }"),
    "fragments of types that clash": ("{ node(id: 1) {", "... on User { a: id } ... on Order { a: number }", "} }"),
    "one fragment, used": ("{ medicine(id: 1) {", "...F", "} } fragment F on Medicine { id }"),
    "fragments, used": ("{ ...F0 ...F1 }", "fragment F# on Query { ...F0 __typename }", ""),
    "fragments, unused": ("{ __typename }", "fragment F# on Query { __typename }", ""),
    "fragments of one name": ("{ ...F }", "fragment F on Query { __typename }", ""),
    "operations": ("", "query Q# { __typename }", ""),
    "operations without a name": ("", "{ __typename }", ""),
    "variables": ("query (", "$v#: Int", ") { __typename }"),
    "variables of one name": ("query (", "$v: Int", ") { __typename }"),
    "variables of unknown types": ("query (", "$v#: Strin#", ") { __typename }"),
    "variables with a default": ("query (", "$v#: Int = a", ") { __typename }"),
    "variables that are not declared": ("{", "medicine(id: $v#) { id }", "}"),
    "directives": ("{ __typename", "@include(if: true)", "}"),
    "definitions of types": ("{ __typename }", "type T# { a: Int }", ""),
    "definitions of directives": ("{ __typename }", "directive @d# on FIELD", ""),
    "commands": ("mutation {", 'a#: writeRecord(input: { key: "k", value: "v" }) { errors { message } }', "}"),
    "introspections": ("{", "a#: __schema { types { fields { name type { name } } } }", "}"),
    "types of an introspection": ("{ __schema {", "a#: types { fields { args { name } } }", "} }"),
    "subscriptions": ("subscription {", "a#: projections { name }", "}"),
    "long strings": ("{ medicines(filter: { ids: [", '"' + "x" * 40 + '"', "] }) { nodes { id } } }"),
    "long wrong values": ("{ medicines(filter: {", 'a#: "' + "x" * 300 + '"', "}) { nodes { id } } }"),
    "long unknown types": ("{", "... on " + "M" * 90 + "# { id }", "}"),
    "comments": ("{ __typename }", "#\n", ""),
    "lines": ("{ nothing nothing }", "\n", ""),
    "commas": ("{ __typename", ",", "}"),
}
LONG = {
    "a name": ("{ ", "a", " }"),
    "an alias": ("{ ", "a", ": __typename }"),
    "the name of a type": ("{ ... on ", "M", " { id } }"),
    "the name of an argument": ("{ medicine(", "i", ": 1) { id } }"),
    "an enum value": ("{ orders(filter: { status: ", "P", " }) { nodes { id } } }"),
    "a number": ("{ medicines(first: ", "9", ") { nodes { id } } }"),
    "a fraction": ("{ medicines(first: 1.", "9", ") { nodes { id } } }"),
    "an id of digits": ("{ medicine(id: ", "9", ") { id } }"),
    "a string": ('{ medicine(id: "', "x", '") { id } }'),
    "escapes in a string": ('{ medicine(id: "', "\\u{41}", '") { id } }'),
    "a string without an end": ('{ medicine(id: "', "\\n", "\n"),
    "a block string": ('{ medicine(id: """', "  x\n", '""") { id } }'),
    "escapes in a block string": ('{ medicine(id: """', '\\"""', '""") { id } }'),
    "a comment": ("#", "x", "\n{ __typename }"),
}


def many(unit: str, count: int) -> str:
    """The unit so many times, each with its number for a `#`; a comment's own `#` stays."""
    return " ".join(unit if unit == "#\n" else unit.replace("#", str(number)) for number in range(count))


def documents() -> Iterator[tuple[str, str]]:
    """Each with what is in it."""
    for name, parts in REPEATED.items():
        for count in (MAX_ROOTS - 1, MAX_ALIASES - 1):
            yield f"{count} x {name}", _repeated(parts, count)
        yield f"{name}, to the last token", _filled(parts)
        yield f"{name}, to the last character", _grown(parts)
    for name, (before, unit, after) in LONG.items():
        for most in (MAX_LENGTH, LONGEST):
            yield f"{name} of {most} characters", before + unit * ((most - 60) // len(unit)) + after
    for depth in (MAX_NESTING - 2, 190, 9_000):
        yield f"{depth} fields deep", "{" + "a {" * depth + "b" + "}" * depth + "}"
        yield f"{depth} inline fragments deep", "{" + "... {" * depth + "__typename " * 400 + "}" * depth + "}"
        yield f"{depth} lists deep", "{ medicine(id: " + "[" * depth + "]" * depth + ") { id } }"
        yield f"{depth} objects deep", "{ medicine(id: " + "{a:" * depth + "1" + "}" * depth + ") { id } }"
    yield from _chained()
    yield "errors far down", "{" + "\n" * (MAX_LINES - 50) + "x " * (MAX_ROOTS - 1) + "}"
    yield "clashes far down", "{ me {" + "\n" * (MAX_LINES - 50) + many("a: id a: name", 100) + "} }"
    yield "introspection inside itself", "{ __schema { types {" + "fields { type {" * 6 + "name" + "} }" * 6 + "} } }"


def _chained() -> Iterator[tuple[str, str]]:
    for count in (20, 95, 180, 1000):
        twice = "fragment F# on Query { ...F@ ...F@ }"
        yield f"{count} fragments, each using the next one twice", "{ ...F0 } " + _linked(twice, count)
        inside = "fragment F# on __Type { a: ofType { ...F@ } b: ofType { ...F@ } }"
        nested = "{ __schema { types { ...F0 } } } " + _linked(inside, count)
        yield f"{count} fragments, each nesting the next one twice", nested
        circle = " ".join(f"fragment F{each} on Query {{ ...F{(each + 1) % count} }}" for each in range(count))
        yield f"a circle of {count} fragments", "{ ...F0 } " + circle
    for count in (30, 110):
        each_other = "{ " + many("...F#", count) + " }"
        tangle = " ".join(f"fragment F{each} on Query {each_other}" for each in range(count))
        yield f"{count} fragments, each using all", f"{each_other} {tangle}"
        operations, fragments = many("query Q# { ...F0 }", count // 2), _linked("fragment F# on Query { ...F@ }", count)
        yield f"{count // 2} operations through {count} fragments", f"{operations} {fragments}"


def _linked(unit: str, count: int) -> str:
    """Fragments of which each uses the next, in place of an `@`, and the last one nothing that is there."""
    return " ".join(unit.replace("#", str(each)).replace("@", str(each + 1)) for each in range(count))


def _repeated(parts: tuple[str, str, str], count: int) -> str:
    before, unit, after = parts
    return f"{before} {many(unit, count)} {after}"


def _filled(parts: tuple[str, str, str]) -> str:
    """As many as a document may have tokens for."""
    around, each = _tokens(parts[0] + parts[2]), _tokens(parts[1])
    return _repeated(parts, min((MAX_TOKENS - around) // max(each, 1), _fitting(parts)))


def _tokens(text: str) -> int:
    lexer = Lexer(Source(text))
    return sum(1 for _ in iter(lambda: lexer.advance().kind, TokenKind.EOF))


def _grown(parts: tuple[str, str, str]) -> str:
    return _repeated(parts, _fitting(parts))


def _fitting(parts: tuple[str, str, str]) -> int:
    before, unit, after = parts
    return (LONGEST - len(before) - len(after) - 2) // len(unit.replace("#", "00000") + " ")

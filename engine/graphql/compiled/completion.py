"""Completion: Python source that makes the data of an answer of what resolvers gave, every value checked on the way.

Of a document's own text only the keys of the answer come into it, which are names by GraphQL's grammar, as string
literals; what else it names are attributes of Python classes and objects handed to it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from keyword import iskeyword
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
    Undefined,
    is_enum_type,
)
from graphql.pyutils import Path

from engine.graphql.compiled.odd import Odd, Unsupported
from engine.graphql.compiled.selection import Either, Field, Items, Leaf, Record, Shape

Complete = Callable[..., Any]
"Takes a value, its path, the run and a list for what is to be awaited. Raises Odd, and whatever attributes raise."

# What makes a value of a type of GraphQL's own one that its own coercion would change, or refuse.
_ODD: dict[Any, str] = {
    GraphQLString: "{0}.__class__ is not str",
    GraphQLID: "{0}.__class__ is not str",
    GraphQLInt: "{0}.__class__ is not int or not -2147483648 <= {0} <= 2147483647",
    GraphQLFloat: "{0}.__class__ is not float or {0} - {0} != 0.0",
    GraphQLBoolean: "{0} is not True and {0} is not False",
}
# What a custom scalar is given to write out: neither an exception nor something to await, which go another way.
_PLAIN = frozenset({str, int, float, bool, dict, list, tuple, Decimal, datetime, date, time, UUID})


class Writer:
    """Writes the functions that complete the shapes of one plan."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._globals: dict[str, Any] = {"Odd": Odd, "Path": Path, "PLAIN": _PLAIN, "Undefined": Undefined}
        self._choices: list[tuple[dict[type[Any], Complete], dict[type[Any], str]]] = []

    def functions(self, shapes: list[Shape]) -> list[Complete]:
        """Raises Unsupported."""
        names = [self.function(shape, True) for shape in shapes]
        exec(compile("\n".join(self._lines), "<plan>", "exec"), self._globals)
        for chosen, functions in self._choices:
            chosen.update({origin: self._globals[name] for origin, name in functions.items()})
        return [self._globals[name] for name in names]

    def function(self, shape: Shape, is_deep: bool) -> str:
        """The name of a function for a shape; only a deep one is told of path, run and waits."""
        body = _Body(self)
        body.write(f"return {body.complete(shape, 'x', 'path')}")
        name = self.name("f")
        self._lines += [f"def {name}(x{', path, run, waits' if is_deep else ''}):", *body.lines]
        return name

    def choice(self, functions: dict[type[Any], str]) -> str:
        """The name of what finds a function by the class of an object."""
        chosen: dict[type[Any], Complete] = {}
        self._choices.append((chosen, functions))
        return self.name("d", chosen.get)

    def name(self, letter: str, value: Any = None) -> str:
        """A name for something that the functions use."""
        name = f"{letter}{len(self._globals)}"
        self._globals[name] = value
        return name


class _Body:
    """The body of a function."""

    def __init__(self, writer: Writer) -> None:
        self.lines: list[str] = []
        self._writer = writer
        self._indent = " "
        self._loops = False
        self._names = 0

    def write(self, line: str) -> None:
        self.lines.append(self._indent + line)

    def _name(self, letter: str) -> str:
        self._names += 1
        return f"{letter}{self._names}"

    def _inside(self, head: str, write: Callable[[], None]) -> None:
        self.write(head)
        self._indent += " "
        write()
        self._indent = self._indent[:-1]

    def complete(self, shape: Shape, x: str, path: str) -> str:
        """The expression of what a variable comes to, after lines that make it."""
        match shape:
            case Leaf():
                return self._leaf(shape, x)
            case Items() | Record() | Either() if shape.is_nullable:
                return self._call(replace(shape, is_nullable=False), x, path, f"None if {x} is None else ")
            case Items():
                return self._call(shape, x, path) if self._loops else self._items(shape, x, path)
            case Record():
                return self._record(shape, x, path)
            case Either():
                return self._either(shape, x, path)

    def _call(self, shape: Shape, x: str, path: str, unless: str = "") -> str:
        name = self._writer.function(shape, shape.is_deep)
        return self._made(f"{unless}{name}({x}{_more(shape, path)})")

    def _made(self, expression: str) -> str:
        made = self._name("y")
        self.write(f"{made} = {expression}")
        return made

    # ------------------------------------------------------------ leaves

    def _leaf(self, shape: Leaf, x: str) -> str:
        odd = _ODD.get(shape.type)
        if odd is not None:
            found = odd.format(x)
            self.write(
                f"if {x} is not None and ({found}): raise Odd" if shape.is_nullable else f"if {found}: raise Odd"
            )
            return x
        if not shape.is_nullable:
            return self._written(shape, x)
        made = self._made("None")
        self._inside(f"if {x} is not None:", lambda: self.write(f"{made} = {self._written(shape, x)}"))
        return made

    def _written(self, shape: Leaf, x: str) -> str:
        if is_enum_type(shape.type):
            made = self._made(f"{self._writer.name('n', _names(shape.type))}(id({x}))")
            self.write(f"if {made} is None: raise Odd")
            return made
        self.write(f"if {x}.__class__ not in PLAIN: raise Odd")
        made = self._made(f"{self._writer.name('s', shape.type.coerce_output_value)}({x})")
        self.write(f"if {made} is None or {made} is Undefined: raise Odd")
        return made

    # ------------------------------------------------------------ lists and objects

    def _items(self, shape: Items, x: str, path: str) -> str:
        self.write(f"if {x}.__class__ is not list and {x}.__class__ is not tuple: raise Odd")
        made, item, place = self._made("[]"), self._name("x"), self._name("i")

        def each() -> None:
            at = self._made(f"Path({path}, {place}, None)") if shape.is_deep else ""
            self.write(f"{made}.append({self.complete(shape.item, item, at)})")

        self._loops = True
        self._inside(f"for {place}, {item} in enumerate({x}):" if shape.is_deep else f"for {item} in {x}:", each)
        self._loops = False
        return made

    def _either(self, shape: Either, x: str, path: str) -> str:
        # Strawberry lets an object be cast to a type that its class does not say.
        self.write(f"if getattr({x}, '__as_strawberry_type__', None) is not None: raise Odd")
        functions = {origin: self._writer.function(each, shape.is_deep) for origin, each in shape.records.items()}
        chosen = self._made(f"{self._writer.choice(functions)}({x}.__class__)")
        self.write(f"if {chosen} is None: raise Odd")
        return self._made(f"{chosen}({x}{_more(shape, path)})")

    def _record(self, shape: Record, x: str, path: str) -> str:
        self.write(f"if {x}.__class__ is not {self._writer.name('c', shape.origin)}: raise Odd")
        waits: list[str] = []
        parts = [f"{field.key!r}: {self._field(field, x, path, waits)}" for field in shape.fields]
        made = self._made(f"{{{', '.join(parts)}}}")
        for wait in waits:
            self.write(wait.format(made))
        return made

    def _field(self, field: Field, x: str, path: str, waits: list[str]) -> str:
        if field.attribute is None and field.site is None:
            return repr(field.parent)
        at = ""
        if field.site is not None or field.shape.is_deep:
            at = self._made(f"Path({path}, {field.key!r}, {field.parent!r})")
        if field.site is not None:
            return self._called(field, x, at, waits)
        if not str(field.attribute).isidentifier() or iskeyword(str(field.attribute)):
            raise Unsupported
        return self.complete(field.shape, self._made(f"{x}.{field.attribute}"), at)

    def _called(self, field: Field, x: str, path: str, waits: list[str]) -> str:
        function = self._writer.function(field.shape, True)
        assert field.site is not None
        call = self._made(f"{self._writer.name('s', field.site.call)}(run, {x}, {path})")
        waits.append(f"if {call}.is_awaitable: waits.append(({call}, {function}, {path}, {{}}, {field.key!r}))")
        return self._made(f"None if {call}.is_awaitable else {function}({call}.outcome, {path}, run, waits)")


def _more(shape: Shape, path: str) -> str:
    return f", {path}, run, waits" if shape.is_deep else ""


def _names(kind: Any) -> Callable[[int], str | None]:
    """Finds the name of an enum's member by the member's id, which is quicker than by its hash."""
    members: type[Enum] = kind.wrapped_cls
    # The bound class keeps the members, and so their ids, alive.
    names = {id(member): kind.coerce_output_value(member) for member in members}
    return names.get

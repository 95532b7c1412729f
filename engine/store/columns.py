"""How a row becomes the columns of a table, and how it comes back."""

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import sqlalchemy as sa

from engine.shapes import FIXED, SEARCH, Row
from engine.store.instants import instant, microseconds

R = TypeVar("R", bound=Row)
Scalar = str | int | float | None


@dataclass(frozen=True)
class Kind:
    """How values of one type are stored."""

    sql: type[sa.types.TypeEngine[Any]]
    encode: Callable[[Any], Scalar] | None = None
    "None: the value is stored as it is."
    decode: Callable[[Any], Any] | None = None
    is_ordered: bool = True
    "Whether the stored form sorts as the value does."


def _is_named(annotation: Any) -> bool:
    """Whether it is an enum whose values are text."""
    if not (isinstance(annotation, type) and issubclass(annotation, enum.Enum)):
        return False
    return all(isinstance(each.value, str) for each in annotation)


def _kind(annotation: Any) -> Kind:
    if annotation is str:
        return Kind(sa.Text)
    if annotation is bool:
        return Kind(sa.Boolean, decode=bool)
    if annotation is int:
        return Kind(sa.BigInteger)
    if annotation is float:
        return Kind(sa.Float)
    if annotation is datetime:
        return Kind(sa.BigInteger, microseconds, instant)
    if annotation is Decimal:
        return Kind(sa.Text, str, Decimal, is_ordered=False)
    if _is_named(annotation):
        return Kind(sa.Text, lambda member: str(member.value), annotation, is_ordered=False)
    decoder = msgspec.json.Decoder(annotation)
    encoder = msgspec.json.Encoder(order="deterministic")
    return Kind(sa.Text, lambda value: encoder.encode(value).decode(), decoder.decode, is_ordered=False)


@dataclass(frozen=True)
class Column:
    """One column: `path` is how a condition or the row itself names it, `name` how the table does."""

    path: str
    name: str
    kind: Kind
    is_optional: bool
    is_fixed: bool
    is_searched: bool

    def encode(self, value: Any) -> Scalar:
        if value is None or self.kind.encode is None:
            return value  # type: ignore[no-any-return]  # stored as it is
        return self.kind.encode(value)


@dataclass(frozen=True)
class _Field:
    """One field of a row with the columns it takes; `shape` is set where a value object is spread over several."""

    name: str
    columns: tuple[Column, ...]
    shape: type[msgspec.Struct] | None
    is_optional: bool


def _bare(hint: Any) -> tuple[Any, tuple[Any, ...], bool]:
    """A type without its Annotated marks and its None, then these."""
    marks: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        marks = hint.__metadata__
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint):
        rest = tuple(each for each in get_args(hint) if each is not NoneType)
        return (rest[0] if len(rest) == 1 else Union[rest]), marks, True  # noqa: UP007  # built at run time
    return hint, marks, False


def _spreads(annotation: Any) -> bool:
    """Whether a type is a value object of plain fields, the first of which is never None."""
    if not (isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)):
        return False
    inner = [_bare(hint) for hint in get_type_hints(annotation, include_extras=True).values()]
    plain = (str, bool, int, float, datetime, Decimal)
    return bool(inner) and not inner[0][2] and all(each in plain for each, _, _ in inner)


def _fields(row: type[Row]) -> Iterator[_Field]:
    hints = get_type_hints(row, include_extras=True)
    for name in row.__struct_fields__:
        annotation, marks, is_optional = _bare(hints[name])
        fixed, searched = FIXED in marks or name == "id", SEARCH in marks
        if _spreads(annotation):
            parts = [(part, _bare(hint)) for part, hint in get_type_hints(annotation, include_extras=True).items()]
            columns = tuple(
                Column(f"{name}.{part}", f"{name}_{part}", _kind(bare), is_optional or can_be_none, fixed, False)
                for part, (bare, _, can_be_none) in parts
            )
            yield _Field(name, columns, annotation, is_optional)
        else:
            yield _Field(
                name, (Column(name, name, _kind(annotation), is_optional, fixed, searched),), None, is_optional
            )


def _weight(row: type[Row]) -> str:
    """An expression for what a row holds beyond numbers: the length of its text, and 200 for each value in it.

    Values are the entries of a list, and a value object that is not spread over columns.
    """
    terms = ["0"]
    for name in row.__struct_fields__:
        annotation, _, _ = _bare(get_type_hints(row, include_extras=True)[name])
        if annotation is str:
            terms.append(f"len(row.{name} or '')")
        elif get_origin(annotation) in (tuple, list, dict, set, frozenset):
            terms.append(f"200 * len(row.{name} or ())")
        elif isinstance(annotation, type) and issubclass(annotation, msgspec.Struct) and not _spreads(annotation):
            terms.append(f"200 * (row.{name} is not None)")
    return " + ".join(terms)


class Layout(Generic[R]):
    """The columns of one row class, with the conversions of a whole row, made once.

    The conversions are generated as source text, one expression per row class: measured three times as fast as a loop
    over the columns, and a rebuild spends most of its time in them.
    """

    def __init__(self, row: type[R]) -> None:
        if "id" not in row.__struct_fields__:
            raise ValueError(f"{row.__name__} has no field id; a row is found by it.")
        fields = list(_fields(row))
        self.row = row
        self.columns = tuple(column for field in fields for column in field.columns)
        self._by_path = {column.path: column for column in self.columns}
        self.searched = tuple(column for column in self.columns if column.is_searched)
        self.fixed = tuple(column for column in self.columns if column.is_fixed and column.name != "id")
        # The engine sets created_at when a row comes to be, and keeps it from then on.
        lasting = [column for column in self.columns if column.is_fixed or column.name == "created_at"]
        self.changing = tuple(column for column in self.columns if column not in lasting)
        scope: dict[str, Any] = {"Row": row}
        self.encode: Callable[[R], tuple[Scalar, ...]] = _encoder(self.columns, scope)
        "A row as the tuple of its columns."
        self.decode: Callable[[tuple[Any, ...]], R] = _decoder(fields, scope)
        "The row that a tuple of columns holds."
        self.encode_fixed: Callable[[R], tuple[Scalar, ...]] = _encoder(self.fixed, scope)
        self._encode_change: Callable[[R], tuple[Scalar, ...]] = _encoder((*self.changing, self.column("id")), scope)
        self.weigh: Callable[[R], int] = eval(f"lambda row: {_weight(row)}")
        "About how many characters a row holds in memory."
        names = dict.fromkeys(column.path.partition(".")[0] for column in lasting)
        same = " and ".join(f"one.{name} == other.{name}" for name in names)
        self._is_same: Callable[[R, R], bool] = eval(f"lambda one, other: {same}")

    def split(
        self, rows: Iterable[R], before: Mapping[str, R]
    ) -> tuple[list[tuple[Scalar, ...]], list[tuple[Scalar, ...]]]:
        """What to upsert, and what an update does for: the columns that can change, then the id.

        Measured: an update takes half the time of an upsert. It needs the row to be there, the same in all else.
        """
        new, changed = [], []
        for row in rows:
            old = before.get(row.id)  # type: ignore[attr-defined]  # there is one, see __init__
            if old is not None and self._is_same(old, row):
                changed.append(self._encode_change(row))
            else:
                new.append(self.encode(row))
        return new, changed

    def picking(self, paths: Iterable[str]) -> Callable[[R], tuple[Scalar, ...]]:
        """A function that gives some columns of a row as they are stored."""
        return _encoder(tuple(map(self.column, paths)), {})

    def column(self, path: str) -> Column:
        try:
            return self._by_path[path]
        except KeyError:
            raise ValueError(f"{self.row.__name__} has no column {path!r}.") from None


def _encoder(columns: tuple[Column, ...], scope: dict[str, Any]) -> Callable[[Any], tuple[Scalar, ...]]:
    parts = []
    for column in columns:
        field, _, part = column.path.partition(".")
        value = f"row.{column.path}"
        if column.kind.encode is not None:
            scope[f"encode_{column.name}"] = column.kind.encode
            encoded = f"encode_{column.name}({value})"
            value = f"(None if {value} is None else {encoded})" if column.is_optional else encoded
        if part and column.is_optional:
            value = f"(None if row.{field} is None else {value})"
        parts.append(value)
    return eval(f"lambda row: ({''.join(f'{part}, ' for part in parts)})", scope)  # type: ignore[no-any-return]


def _decoder(fields: list[_Field], scope: dict[str, Any]) -> Callable[[tuple[Any, ...]], Any]:
    arguments, place = [], 0
    for field in fields:
        values = []
        first = f"columns[{place}]"
        for column in field.columns:
            value = f"columns[{place}]"
            if column.kind.decode is not None:
                scope[f"decode_{column.name}"] = column.kind.decode
                decoded = f"decode_{column.name}({value})"
                value = f"(None if {value} is None else {decoded})" if column.is_optional else decoded
            values.append(value)
            place += 1
        if field.shape is None:
            arguments.append(f"{field.name}={values[0]}")
            continue
        scope[f"shape_{field.name}"] = field.shape
        made = f"shape_{field.name}({', '.join(values)})"
        arguments.append(f"{field.name}=" + (f"(None if {first} is None else {made})" if field.is_optional else made))
    return eval(f"lambda columns: Row({', '.join(arguments)})", scope)  # type: ignore[no-any-return]

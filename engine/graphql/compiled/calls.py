"""Calls of resolvers: kept while a plan runs, and found again if it gives up."""

from collections.abc import Callable, Sequence
from inspect import iscoroutine
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType
from graphql.execution import Executor as CoreExecutor
from graphql.execution.middleware import MiddlewareManager
from graphql.execution.values import VariableValues
from graphql.pyutils import Path
from strawberry import Schema
from strawberry.execution import is_awaitable
from strawberry.types.field import StrawberryField

from engine.graphql.compiled.arguments import Arguments, Conversion
from engine.graphql.compiled.odd import Odd, Unsupported
from engine.graphql.guard import Guard

_IS_AWAITABLE: Any = is_awaitable.optimized_is_awaitable
_CONVERTER = "GraphQLCoreConverter.from_resolver.<locals>."
Resolve = Callable[[Any, Any, dict[str, Any]], Any]
"Takes source, info and arguments."


class Run:
    """One run of a plan.

    It stands where Strawberry's executor makes the infos of resolvers, and has what they are made of by the same names:
    what differs from run to run here, what does not in a class of the plan's own.
    """

    __slots__ = ("arguments", "calls", "context_value", "operation_extensions", "root_value", "variable_values")

    def __init__(self, terms: "Terms", variables: VariableValues, context: Any, extensions: Any, root: Any) -> None:
        """Raises Odd for variables that the ordinary way may refuse as arguments."""
        self.variable_values = variables
        self.context_value = context
        self.operation_extensions = extensions
        self.root_value = root
        self.arguments = [each.values(variables) for each in terms.arguments]
        self.calls: list[Call] = []


class Terms:
    """What every run of a plan shares."""

    def __init__(self, strawberry: Schema, core: CoreExecutor[Any]) -> None:
        self.strawberry = strawberry
        self.core = core
        "Never executed: it holds what the infos of resolvers are made of."
        self.arguments: list[Arguments] = []
        "Of every site, in the order of their places."
        same = ("schema", "fragment_definitions", "operation", "async_helpers", "abort_signal")
        shared = {name: getattr(core, name) for name in same}
        # As a static method, for a function would be bound to the run.
        shared["is_awaitable"] = staticmethod(core.is_awaitable)
        self.run: type[Run] = type("Run", (Run,), {"__slots__": (), **shared})


class Call:
    """A call of a resolver: what it came to, or what is to be awaited for that."""

    __slots__ = ("fault", "is_awaitable", "is_over", "outcome", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outcome: Any = None
        self.fault: Exception | None = None
        self.is_awaitable = False
        self.is_over = False
        "Whether what was to be awaited has ended."

    async def result(self) -> Any:
        """What the call comes to in the end. Raises Odd where it raises."""
        try:
            self.outcome = value = await self.outcome
        except Exception as fault:
            self.fault = fault
            raise Odd from fault
        finally:
            self.is_over = True
        return value

    def again(self) -> Any:
        """The same outcome, in the same manner."""
        if self.is_awaitable:
            return self._ended() if self.is_over else self.outcome
        if self.fault is not None:
            raise self.fault
        return self.outcome

    async def _ended(self) -> Any:
        if self.fault is not None:
            raise self.fault
        return self.outcome

    def drop(self) -> None:
        """Nobody asks for it any more."""
        if not self.is_awaitable or self.is_over:
            return
        if iscoroutine(self.outcome):
            self.outcome.close()
        elif hasattr(self.outcome, "cancel"):
            self.outcome.cancel()


class Calls:
    """The calls of a run that gave up: each is answered as it was, and none made a second time."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = {tuple(call.path.as_list()): call for call in calls}
        self.middleware = MiddlewareManager(self)

    def resolve(self, resolve: Callable[..., Any], source: Any, info: Any, /, **arguments: Any) -> Any:
        call = self._calls.pop(tuple(info.path.as_list()), None)
        return resolve(source, info, **arguments) if call is None else call.again()

    def close(self) -> None:
        for call in self._calls.values():
            call.drop()


# ---------------------------------------------------------------- sites


class Site:
    """A field of a document that a resolver is called for."""

    def __init__(
        self, terms: Terms, parent: GraphQLObjectType, field: GraphQLField, nodes: Sequence[FieldNode]
    ) -> None:
        self._field = field
        self._nodes = list(nodes)
        self._parent = parent
        self._info: Any = type(terms.core).build_resolve_info
        self._place = len(terms.arguments)
        terms.arguments.append(Arguments(field, nodes[0]))
        resolve: Any = field.resolve or terms.core.field_resolver
        self._check = resolve.check if type(resolve) is Guard else None
        resolve = resolve.resolve if type(resolve) is Guard else resolve
        self._resolve = _direct(terms.strawberry, field, resolve) or _whole(resolve)

    def call(self, run: Run, source: Any, path: Path) -> Call:
        """Call the resolver. Raises Odd where that raises; the run keeps the call in any case."""
        call = Call(path)
        run.calls.append(call)
        try:
            if self._check is not None:
                self._check(run.context_value)
            info = self._info(run, self._field, self._nodes, self._parent, path)
            call.outcome = self._resolve(source, info, run.arguments[self._place])
        except Exception as fault:
            call.fault = fault
            raise Odd from fault
        call.is_awaitable = _IS_AWAITABLE(call.outcome)
        return call


def attribute(field: GraphQLField) -> str | None:
    """The attribute that a field without a resolver of its own shows; None for any other field."""
    found = _strawberry(field)
    plain = found is not None and _is_strawberrys(field.resolve, "_get_basic_result")
    return found.python_name if found and plain and found.default_resolver is getattr else None


def _whole(resolve: Callable[..., Any]) -> Resolve:
    return lambda source, info, arguments: resolve(source, info, **arguments)


def _direct(schema: Schema, field: GraphQLField, resolve: Any) -> Resolve | None:
    """The way past Strawberry's wrapping of a resolver, where that only converts arguments; otherwise None."""
    found = _strawberry(field)
    wrapped = _is_strawberrys(resolve, "_async_resolver") or _is_strawberrys(resolve, "_resolver")
    if found is None or not wrapped or found.base_resolver is None or found.extensions or schema.exception_handlers:
        return None
    try:
        convert = Conversion(found, field, schema.config).convert
    except Unsupported:
        return None
    return _calling(found, convert, schema.config.info_class)


def _calling(field: StrawberryField, convert: Callable[[dict[str, Any]], dict[str, Any]], info_class: Any) -> Resolve:
    resolver: Any = field.base_resolver
    function = resolver.wrapped_func
    info_name = resolver.info_parameter and resolver.info_parameter.name
    source_names = [each.name for each in (resolver.parent_parameter, resolver.root_parameter) if each]
    takes_self = resolver.self_parameter is not None

    def call(source: Any, info: Any, arguments: dict[str, Any]) -> Any:
        given = convert(arguments)
        for name in source_names:
            given[name] = source
        if info_name:
            given[info_name] = info_class(_raw_info=info, _field=field)
        return function(source, **given) if takes_self else function(**given)

    return call


def _strawberry(field: GraphQLField) -> StrawberryField | None:
    found = field.extensions.get("strawberry-definition")
    return found if isinstance(found, StrawberryField) else None


def _is_strawberrys(resolve: Any, name: str) -> bool:
    """Whether a resolver is one that Strawberry makes, by the name it has there."""
    return (
        getattr(resolve, "__module__", None) == "strawberry.schema.schema_converter"
        and getattr(resolve, "__qualname__", None) == _CONVERTER + name
    )

"""Plans: how an operation is answered when everything is as it should be."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple
from weakref import ReferenceType, ref

import structlog
from graphql import (
    DirectiveNode,
    ExecutableDefinitionNode,
    FieldNode,
    InlineFragmentNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)
from graphql.execution import Executor as CoreExecutor
from graphql.execution import default_field_resolver
from graphql.execution.collect_fields import FragmentDetails, collect_fields
from graphql.execution.executor import default_type_resolver
from graphql.execution.values import VariableValues
from graphql.pyutils import Path
from strawberry import Schema
from strawberry.execution import is_awaitable

from engine.graphql.compiled.calls import Call, Calls, Run, Site, Terms
from engine.graphql.compiled.coercion import Variables
from engine.graphql.compiled.completion import Complete, Writer
from engine.graphql.compiled.odd import Odd, Unsupported
from engine.graphql.compiled.selection import Selection
from engine.graphql.documents import Operation
from engine.graphql.fragments import fragments

MOST_SAID = 4
MOST_KEPT = 16 * 1024
"Bytes of an answer that is kept for others: what is longer takes long to send to each of them anyway."
MOST_SWITCHES = 4
"Variables that fields are skipped or included by: each combination of their values has a plan of its own."
_EVENT = "GraphQLCoreConverter.from_field.<locals>.<lambda>"
"How Strawberry calls the resolver of a subscription's field, which gives what the source gave."

_log = structlog.get_logger(__name__)

Wait = tuple[Call, Complete, Path, dict[str, Any], str]
"A call to be awaited, what completes its result, the result's path, and where it goes."


class Root(NamedTuple):
    """A field of the operation itself; without a site its value is the root value."""

    key: str
    path: Path
    site: Site | None
    complete: Complete


class Plan:
    """How one operation is answered, for one combination of its switches."""

    def __init__(self, terms: Terms, roots: list[Root], *, is_plain: bool) -> None:
        self.terms = terms
        self._roots = roots
        self._keys = [root.key for root in roots]
        self.only = roots[0] if len(roots) == 1 else None
        "The one field that most operations have."
        self._is_serial = len(roots) == 1 or terms.core.operation.operation is OperationType.MUTATION
        self.is_plain = is_plain
        "Whether no resolver is called: the answer to a root value is the same for all who ask, and at any time."
        self._said: deque[tuple[ReferenceType[Any], bytes]] = deque(maxlen=MOST_SAID)

    async def data(self, run: Run) -> dict[str, Any]:
        """The data of the answer. Raises Odd, or any other Exception, when the ordinary way is to answer."""
        data: dict[str, Any] = dict.fromkeys(self._keys)
        waits: list[Wait] = []
        for root in self._roots:
            if root.site is None:
                data[root.key] = root.complete(run.root_value, root.path, run, waits)
            else:
                call = root.site.call(run, run.root_value, root.path)
                if call.is_awaitable and not self._is_serial:
                    waits.append((call, root.complete, root.path, data, root.key))
                else:
                    value = await call.result() if call.is_awaitable else call.outcome
                    data[root.key] = root.complete(value, root.path, run, waits)
            if waits and self._is_serial:
                await _settled(run, waits)
        if waits:
            await _settled(run, waits)
        return data

    def said(self, root_value: Any) -> bytes | None:
        """The answer to a root value, if that very object was answered just now."""
        return next((answer for known, answer in self._said if known() is root_value), None)

    def note(self, root_value: Any, answer: bytes) -> None:
        """Keep an answer, of a plain plan, for whoever is given the same root value while that lives."""
        if len(answer) <= MOST_KEPT:
            self._said.append((ref(root_value), answer))


async def _settled(run: Run, waits: list[Wait]) -> None:
    """Await what is to be awaited, and what that brings with it. Leaves `waits` empty."""
    while len(waits) == 1:
        call, complete, path, data, key = waits.pop()
        data[key] = complete(await call.result(), path, run, waits)
    if waits:
        await _settled_together(run, waits)


async def _settled_together(run: Run, waits: list[Wait]) -> None:
    tasks: dict[asyncio.Future[Any], Wait] = {}
    try:
        while waits or tasks:
            for wait in waits:
                call = wait[0]
                call.outcome = task = asyncio.ensure_future(call.outcome)
                tasks[task] = wait
            waits.clear()
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in [each for each in tasks if each.done()]:
                call, complete, path, data, key = tasks.pop(task)
                data[key] = complete(await call.result(), path, run, waits)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        raise


class Compiled:
    """An operation, compiled as far as it has been asked for."""

    def __init__(self, schema: Schema, operation: Operation) -> None:
        """Raises Unsupported."""
        self._schema = schema
        self._core = _core(schema, operation)
        self._variables = Variables(schema._schema, self._core.operation.variable_definitions or ())
        self._switches = _switches(self._core)
        self._plans: dict[tuple[Any, ...], Plan | None] = {}
        self._always = None if self._switches else self.plan(VariableValues({}, {}))
        "The plan of an operation without switches."
        if self._always is None and not self._switches:
            raise Unsupported

    def begin(self, given: dict[str, Any], context: Any, extensions: Any) -> tuple[Plan, Run] | None:
        """A plan and a run of it, before anything has run; None when the ordinary way is to answer."""
        try:
            variables = self._variables.coerce(given)
            plan = self._always or self.plan(variables)
            return None if plan is None else (plan, plan.terms.run(plan.terms, variables, context, extensions, None))
        except Exception:
            # Going on is safe: whatever is wrong with the variables, the ordinary way finds and tells.
            return None

    def events(self, variables: VariableValues) -> Plan | None:
        """The plan for what a subscription's source gives; None when the ordinary way is to answer."""
        try:
            plan = self.plan(variables)
            if plan is not None:
                plan.terms.run(plan.terms, variables, None, None, None)
            return plan
        except Odd:
            return None

    def plan(self, variables: VariableValues) -> Plan | None:
        """The plan for values of the variables. Raises Odd for a switch that is neither on nor off."""
        switches: tuple[Any, ...] = tuple(variables.coerced.get(name) for name in self._switches)
        if switches not in self._plans:
            if not all(isinstance(each, bool) for each in switches):
                raise Odd
            self._plans[switches] = self._made(VariableValues({}, dict(zip(self._switches, switches, strict=True))))
        return self._plans[switches]

    def _made(self, switches: VariableValues) -> Plan | None:
        core = self._core
        root = core.schema.get_root_type(core.operation.operation)
        assert root is not None
        terms = Terms(self._schema, core)
        try:
            collected = collect_fields(core.schema, core.fragments, switches, root, core.operation)
            fields = Selection(terms, switches).fields(root, collected.grouped_field_set)
            completes = Writer().functions([field.shape for field in fields])
        except (Unsupported, Odd, RecursionError):
            return None
        roots = []
        for field, complete in zip(fields, completes, strict=True):
            site = None if _is_event(core, field.key, collected.grouped_field_set) else field.site
            if site is None and core.operation.operation is not OperationType.SUBSCRIPTION:
                return None
            roots.append(Root(field.key, Path(None, field.key, root.name), site, complete))
        is_plain = not any(root.site or field.shape.is_deep for root, field in zip(roots, fields, strict=True))
        return Plan(terms, roots, is_plain=is_plain)


def used(schema: Schema, operation: Operation, *, at_once: bool = False) -> Compiled | None:
    """An operation compiled, once it is used again: many texts that come but once each shall cost no more.

    One that asks for a lot is compiled at once, as the ordinary way would have the event loop for that much longer.
    """
    operation.uses += 1
    if operation.compiled is None and (operation.uses == 2 or (operation.uses == 1 and at_once)):
        try:
            operation.compiled = Compiled(schema, operation)
        except Unsupported:
            pass
        except Exception:
            # Going on is safe: the ordinary way needs no plan.
            _log.exception("operation not compiled")
    compiled: Compiled | None = operation.compiled
    return compiled


async def attempted(plan: Plan, run: Run) -> dict[str, Any] | Calls:
    """The data of the answer by a plan, or the calls that it made before it gave up."""
    try:
        root = plan.only
        if root is None or root.site is None:
            return await plan.data(run)
        # What `data` comes to for one field, without a coroutine between.
        call = root.site.call(run, run.root_value, root.path)
        value = await call.result() if call.is_awaitable else call.outcome
        waits: list[Wait] = []
        data = {root.key: root.complete(value, root.path, run, waits)}
        if waits:
            await _settled(run, waits)
        return data
    except Exception:
        # Going on is safe: the ordinary way meets what this was about again, without calling anything twice.
        return Calls(run.calls)


def _is_event(core: CoreExecutor[Any], key: str, grouped: Any) -> bool:
    if core.operation.operation is not OperationType.SUBSCRIPTION:
        return False
    field = core.schema.subscription_type.fields.get(grouped[key][0].node.name.value)  # type: ignore[union-attr]
    return getattr(field and field.resolve, "__qualname__", None) == _EVENT


def _core(schema: Schema, operation: Operation) -> CoreExecutor[Any]:
    """An executor of the operation that is never run: it holds what plans and resolvers look things up in."""
    found = fragments(operation.document)
    if any(each.variable_definitions for each in found.values()) or operation.definition.directives:
        raise Unsupported
    return schema.execution_context_class(
        schema._schema,
        found,
        {name: FragmentDetails(each) for name, each in found.items()},
        None,
        None,
        operation.definition,
        VariableValues({}, {}),
        default_field_resolver,
        default_type_resolver,
        default_field_resolver,
        is_awaitable=is_awaitable.optimized_is_awaitable,  # type: ignore[arg-type]
    )


def _switches(core: CoreExecutor[Any]) -> list[str]:
    """The variables that fields are skipped or included by, in the order of their names."""
    definitions: list[ExecutableDefinitionNode] = [core.operation, *core.fragment_definitions.values()]
    names: set[str] = set()
    for directive in (each for definition in definitions for each in _directives(definition)):
        if directive.name.value not in ("skip", "include"):
            raise Unsupported
        names.update(
            each.value.name.value for each in directive.arguments or () if isinstance(each.value, VariableNode)
        )
    if len(names) > MOST_SWITCHES:
        raise Unsupported
    return sorted(names)


def _directives(definition: ExecutableDefinitionNode) -> Iterator[DirectiveNode]:
    yield from definition.directives or ()
    sets: list[SelectionSetNode] = [definition.selection_set]
    while sets:
        for node in sets.pop().selections:
            yield from node.directives or ()
            if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                sets.append(node.selection_set)

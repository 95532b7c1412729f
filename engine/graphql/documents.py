"""Query texts to validated documents, each text read once."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from engine.graphql import bounds
from engine.graphql.bounds import MAX_TOKENS, ComparedFieldsRule, TooComplex
from engine.graphql.cost import Price, Tariff
from engine.graphql.errors import Shaped, located, shaped
from engine.graphql.uses import Uses

RULES = (
    *(ComparedFieldsRule if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules),
    # The two that Strawberry adds on its own way of executing: without them its inputs accept what they forbid.
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)
MAX_MESSAGE = 1000
MAX_LOCATIONS = 20
MAX_ERRORS = 5
"Some of them quote a good part of the document, so that many take longer to write than the document to validate."
HELPED = 4096
"The longest document, in characters, whose misspelled names are answered with similar ones: comparing them is slow."


MAX_KEPT = 32 * 1024 * 1024
"Bytes that the kept documents take, about."
ABORTED = "The document takes too long to validate: it selects the same fields too often."


class Operation:
    """One operation of a validated document, the same object for as long as the document is kept."""

    __slots__ = ("compiled", "definition", "document", "kind", "name", "passes", "price", "uses")

    def __init__(self, document: DocumentNode, definition: OperationDefinitionNode, price: Price) -> None:
        self.document = document
        self.definition = definition
        self.name = definition.name.value if definition.name else None
        self.kind: OperationType = definition.operation
        self.price = price
        self.passes = Uses(document, definition)
        "What it does with its variables."
        self.uses = 0
        self.compiled: Any = None
        "What an executor made of it."


class Document:
    """A query text that may be executed, or the reason why not."""

    __slots__ = ("errors", "operations", "tokens")

    def __init__(self, operations: Iterable[Operation] = (), errors: tuple[Shaped, ...] = (), tokens: int = 0) -> None:
        self.operations = {each.name: each for each in operations}
        self.errors = errors
        self.tokens = tokens


class Documents:
    """The documents of a schema, the most recently used ones kept.

    Keyed by the text itself: hashing a parsed document, as Strawberry's cache does, costs more the longer it is.
    """

    def __init__(self, schema: GraphQLSchema, *, entries: int = 512, room: int = MAX_KEPT) -> None:
        self._schema = schema
        self._tariff = Tariff(schema)
        self._entries = entries
        self._room = room
        "Bytes that may still be filled."
        self._kept: OrderedDict[str, Document] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, text: str) -> Document:
        """The document of a text. Never raises: what is wrong with the text stands in the document's errors."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        document = self._read(text)
        if len(text) <= bounds.MAX_LENGTH:
            self._keep(text, document)
        return document

    def _keep(self, text: str, document: Document) -> None:
        self._kept[text] = document
        self._room -= _size(text, document)
        while self._room < 0 or len(self._kept) > self._entries:
            self._room += _size(*self._kept.popitem(last=False))

    def _read(self, text: str) -> Document:
        try:
            bounds.check_text(text)
            node = parse(text, max_lexical_tokens=MAX_TOKENS, max_comments=MAX_TOKENS)
            bounds.check(node)
        except TooComplex as excess:
            return Document((), (shaped("TOO_COMPLEX", str(excess)),))
        except GraphQLSyntaxError as error:
            # The parser's limits come as syntax errors, told from the others by how their sentences end.
            limit = error.message.endswith("Parsing aborted.")
            return Document((), (located(error, "TOO_COMPLEX" if limit else "GRAPHQL_PARSE_FAILED"),))
        hide = len(text) > HELPED
        errors = validate(self._schema, node, RULES, max_errors=MAX_ERRORS, hide_suggestions=hide)
        if errors:
            return Document((), tuple(_invalid(error) for error in errors))
        definitions = (each for each in node.definitions if isinstance(each, OperationDefinitionNode))
        operations = [Operation(node, each, self._tariff.price(node, each)) for each in definitions]
        return Document(operations, tokens=node.token_count)

    def operation(self, text: str, name: str | None) -> Operation | tuple[Shaped, ...]:
        """The operation that a request means, or why there is none."""
        document = self.find(text)
        if document.errors:
            return document.errors
        if name is None and len(document.operations) == 1:
            chosen: Operation | None = next(iter(document.operations.values()))
        else:
            chosen = document.operations.get(name)
        if chosen is None:
            several = "The document holds several operations: name one in operationName."
            unknown = f"The document holds no operation named {name!r}."
            return (shaped("OPERATION_NOT_FOUND", several if name is None else unknown),)
        return chosen


def _invalid(error: GraphQLError) -> Shaped:
    if error.message == "Validation aborted.":
        return shaped("TOO_COMPLEX", ABORTED)
    found = {**located(error, "GRAPHQL_VALIDATION_FAILED"), "message": error.message[:MAX_MESSAGE]}
    if "locations" in found:
        found["locations"] = found["locations"][:MAX_LOCATIONS]
    return found


def _size(text: str, document: Document) -> int:
    # Measured: the parsed form takes 400 to 500 bytes a token, a plan 200, an error with its locations up to 4 KB.
    return 2 * len(text) + 700 * document.tokens + 4000 * (1 + len(document.errors))

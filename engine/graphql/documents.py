"""Query texts to validated documents, each text read once."""

from collections import OrderedDict
from typing import NamedTuple

from graphql import (
    DocumentNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from engine.graphql.errors import Shaped, located, shaped

# The two that Strawberry adds on its own way of executing: without them its inputs accept what they forbid.
RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
MAX_TOKENS = 2000
MAX_LENGTH = 256 * 1024
# An answer to a wrong document is kept like a right one; a hundred errors, the library's limit, would be a lot to keep.
MAX_ERRORS = 20


class Document:
    """A query text that may be executed, or the reason why not."""

    __slots__ = ("errors", "node", "operations")

    def __init__(self, node: DocumentNode | None, errors: tuple[Shaped, ...] = ()) -> None:
        self.node = node
        self.errors = errors
        definitions = node.definitions if node else ()
        self.operations = {
            each.name.value if each.name else None: each
            for each in definitions
            if isinstance(each, OperationDefinitionNode)
        }


class Operation(NamedTuple):
    """One operation of a validated document."""

    document: DocumentNode
    name: str | None
    kind: OperationType


class Documents:
    """The documents of a schema, the most recently used ones kept.

    Keyed by the text itself: hashing a parsed document, as Strawberry's cache does, costs more the longer it is.
    """

    def __init__(self, schema: GraphQLSchema, *, entries: int = 512, longest: int = 64 * 1024) -> None:
        self._schema = schema
        self._entries = entries
        self._longest = longest
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
        if len(text) <= self._longest:
            self._kept[text] = document
            if len(self._kept) > self._entries:
                self._kept.popitem(last=False)
        return document

    def _read(self, text: str) -> Document:
        try:
            node = parse(text, max_lexical_tokens=MAX_TOKENS, max_comments=MAX_TOKENS, max_source_length=MAX_LENGTH)
        except GraphQLSyntaxError as error:
            # The parser's limits come as syntax errors, told from the others by how their sentences end.
            limit = error.message.endswith("Parsing aborted.")
            return Document(None, (located(error, "TOO_COMPLEX" if limit else "GRAPHQL_PARSE_FAILED"),))
        errors = validate(self._schema, node, RULES, max_errors=MAX_ERRORS)
        if errors:
            return Document(None, tuple(located(error, "GRAPHQL_VALIDATION_FAILED") for error in errors))
        return Document(node)

    def operation(self, text: str, name: str | None) -> Operation | tuple[Shaped, ...]:
        """The operation that a request means, or why there is none."""
        document = self.find(text)
        if document.node is None:
            return document.errors
        if name is None and len(document.operations) == 1:
            chosen: OperationDefinitionNode | None = next(iter(document.operations.values()))
        else:
            chosen = document.operations.get(name)
        if chosen is None:
            several = "The document holds several operations: name one in operationName."
            unknown = f"The document holds no operation named {name!r}."
            return (shaped("OPERATION_NOT_FOUND", several if name is None else unknown),)
        return Operation(document.node, name, chosen.operation)

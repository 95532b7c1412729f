"""How much a document and its variables may hold, measured before anybody spends time on it.

Of a document, in this order: the length and the lines of the text; its tokens, where parsing stops; the measures below,
in one walk that looks at each definition once; the pairs of fields that validation compares. The walk knows no schema,
so that it can come before validation: what is wrong with a document, also a fragment that holds itself, is validation's
to say.
"""

from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    SelectionNode,
    SelectionSetNode,
    ValidationContext,
)

from engine.graphql.fragments import fragments

MAX_LENGTH = 64 * 1024
"Of the text, in characters: the longest that is read in less than 20 ms when it is one token."
MAX_LINES = 4000
"More than so many tokens have use for. Each error counts them anew, to say where it is."
MAX_TOKENS = 1500
"A token takes 5 µs to parse and another 12 to validate. Comments are counted by themselves, up to the same number."
MAX_DEFINITIONS = 100
"Operations and fragments. Some rules of validation go through all fragments for each operation."
MAX_DEPTH = 20
"Fields inside one another. The deepest that clients' libraries send is the question for the whole schema, 15."
MAX_NESTING = 60
"Braces inside one another, also those of a fragment at its use."
MAX_SELECTIONS = 1000
"Fields and fragments of all operations, those of a fragment counted at each use."
MAX_ALIASES = 250
"Fields of one operation under a name of the client's own, counted like selections."
MAX_ROOTS = 30
"Fields of one operation that stand in no other field: each is a read or a command of its own."
MAX_COMPARISONS = 10_000
"Units of the rule that compares fields of one name with one another, pair by pair; one takes up to 2.7 µs."
MANY = 1_000_000
"A number larger than this is not told: chained fragments make some of hundreds of digits."


class TooComplex(Exception):
    """A request holds more than it may; the message is one sentence for the client."""


class Measures(NamedTuple):
    """What a pair of braces holds."""

    depth: int = 0
    nesting: int = 0
    selections: int = 0
    aliases: int = 0
    roots: int = 0
    "Fields that stand in no other of its fields."


NOTHING = Measures()


def check_text(text: str) -> None:
    """Raises TooComplex."""
    _hold(len(text), "characters", MAX_LENGTH)
    _hold(text.count("\n") + text.count("\r") + 1, "lines", MAX_LINES)


def check(document: DocumentNode) -> None:
    """Raises TooComplex. Takes time by the length of the document, however often its fragments are used."""
    _hold(len(document.definitions), "operations and fragments", MAX_DEFINITIONS)
    ruler = _Ruler(document)
    selections = 0
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            found = ruler.measure(definition.selection_set)
            _hold(found.depth, "fields inside one another", MAX_DEPTH)
            _nest(found.nesting)
            _hold(found.aliases, "aliases in an operation", MAX_ALIASES)
            _hold(found.roots, "root fields in an operation", MAX_ROOTS)
            selections += found.selections
    _hold(selections, "selections, those of fragments counted at each use", MAX_SELECTIONS)


def _hold(found: int, measure: str, limit: int) -> None:
    if found > limit:
        has = str(found) if found <= MANY else f"more than {MANY}"
        raise TooComplex(f"The document has {has} {measure}; at most {limit} are allowed.")


def _nest(found: int) -> None:
    if found > MAX_NESTING:
        raise TooComplex(f"The document has more than {MAX_NESTING} selections inside one another.")


class _Ruler:
    """Measures the parts of one document, each fragment once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = fragments(document)
        self._measured: dict[str, Measures] = {}

    def measure(self, braces: SelectionSetNode, level: int = 1) -> Measures:
        """Raises TooComplex below the deepest level that is allowed, so that no document can exhaust the stack."""
        _nest(level)
        depth = nesting = selections = aliases = roots = 0
        for selection in braces.selections:
            inner = self._inside(selection, level)
            is_field = isinstance(selection, FieldNode)
            depth = max(depth, inner.depth + is_field)
            nesting = max(nesting, inner.nesting)
            selections += inner.selections + 1
            aliases += inner.aliases + (isinstance(selection, FieldNode) and selection.alias is not None)
            roots += 1 if is_field else inner.roots
        return Measures(depth, nesting + 1, selections, aliases, roots)

    def _inside(self, selection: SelectionNode, level: int) -> Measures:
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value, level)
        assert isinstance(selection, FieldNode | InlineFragmentNode)
        return self.measure(selection.selection_set, level + 1) if selection.selection_set else NOTHING

    def _fragment(self, name: str, level: int) -> Measures:
        found = self._measured.get(name)
        if found is None:
            # While it is being measured it counts for nothing, which ends a circle.
            self._measured[name] = NOTHING
            fragment = self._fragments.get(name)
            found = self._measured[name] = self.measure(fragment.selection_set, level + 1) if fragment else NOTHING
        return found


class ComparedFieldsRule(OverlappingFieldsCanBeMergedRule):
    """The library's own rule with a smaller budget; beyond it, validation ends with the error "Validation aborted."."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = MAX_COMPARISONS

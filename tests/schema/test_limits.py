"""What the shop refuses for what it would cost, over HTTP and on sockets alike."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from graphql import get_introspection_query

from benchmarks import hostile
from engine.graphql import bounds, cost, messages
from engine.graphql.documents import HELPED, Documents
from engine.graphql.exchange import Limits
from engine.graphql.uses import MAX_PASSED
from tests.running import Shop, built, opened

MOST_CALLS = 300_000
"Of functions, to read one document: 45 ms of processor time when they are all of the slow kind."
DOCUMENTS = dict(hostile.documents())
MANY_ALIASES = "{ medicine(id: 1) {" + hostile.many("a#: id", bounds.MAX_ALIASES + 1) + "} }"
REFUSED = [
    ("{ __typename }" + " " * bounds.MAX_LENGTH, {}),
    (DOCUMENTS["the same field, to the last character"], {}),
    (DOCUMENTS["190 fields deep"], {}),
    (DOCUMENTS["95 fragments, each using the next one twice"], {}),
    (MANY_ALIASES, {}),
    (DOCUMENTS["commands, to the last token"], {}),
    (DOCUMENTS["lists inside one node, to the last token"], {}),
    (DOCUMENTS["types of an introspection, to the last token"], {}),
    ("query($n: Int) { users(first: $n) { nodes { orders(first: $n) { nodes { id } } } } }", {"n": 100}),
    ("query($f: MedicineFilter) { medicines(filter: $f) { position } }", {"f": {"ids": ["x"] * 10_000}}),
]


class Counter:
    """Counts the functions that are called, of Python and of C."""

    calls = 0

    def __call__(self, frame: Any, event: str, what: Any) -> None:
        self.calls += event in ("call", "c_call")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_is_much_work_to_read(name: str) -> None:
    documents, counter = Documents(built()._schema), Counter()
    text = DOCUMENTS[name]
    assert len(text) <= hostile.LONGEST
    before = sys.getprofile()
    sys.setprofile(counter)
    try:
        document = documents.find(text)
    finally:
        sys.setprofile(before)
    assert counter.calls < MOST_CALLS
    assert document.operations or document.errors
    assert len(json.dumps(document.errors)) < 20_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(world_of_module: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with opened(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("query", "variables"), REFUSED, ids=range(len(REFUSED)))
async def test_what_is_too_complex_is_refused_in_the_same_words_on_both(
    shop: Shop, query: str, variables: dict[str, Any]
) -> None:
    http = await shop.http.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"accept": "application/graphql-response+json"},
    )
    assert http.status_code == 400
    (error,) = http.json()["errors"]
    assert error["extensions"]["code"] == "TOO_COMPLEX"
    async with shop.follow(query, **variables) as stream:
        message = await stream.message()
        assert (message["type"], message["payload"]) == ("error", [error])
        await stream.stays_silent()


@pytest.mark.asyncio(loop_scope="module")
async def test_an_answer_tells_what_it_cost_on_both(shop: Shop) -> None:
    query, told = (
        "query($n: Int) { records(first: $n) { nodes { key value } } }",
        {"requested": 22, "limit": cost.MAX_COST},
    )
    answer = await shop.answer(query, n=7)
    assert list(answer) == ["data", "extensions"]
    assert answer["extensions"] == {"cost": told}
    async with shop.follow(query, n=7) as stream:
        assert (await stream.message())["payload"] == answer


@pytest.mark.asyncio(loop_scope="module")
async def test_a_subscription_tells_what_it_costs_in_its_first_answer_alone(shop: Shop) -> None:
    async with shop.follow("subscription { recordStatistics { totalRecords } }") as stream:
        first = await stream.message()
        assert first["payload"]["extensions"] == {"cost": {"requested": 2, "limit": cost.MAX_COST}}
        await shop.accepted("writeRecord", key="limits", value="1")
        assert "extensions" not in (await stream.message())["payload"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("of_input_values", [False, True])
async def test_the_tools_of_developers_may_ask_for_the_whole_schema(shop: Shop, of_input_values: bool) -> None:
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=of_input_values,
    )
    answer = await shop.answer(query)
    assert "errors" not in answer
    told = answer["extensions"]["cost"]
    # What an introspection costs is told by averages, so they must be those of what it gives.
    assert told["requested"] < told["limit"] / 1.5
    assert 0.5 < told["requested"] / values(answer["data"]) < 2


def test_the_page_about_the_limits_has_the_numbers_of_the_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "limits.md").read_text()
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ") and line[-3].isdigit()]
    assert [int(row[2].replace(",", "")) for row in rows] == [
        bounds.MAX_LENGTH,
        bounds.MAX_LINES,
        bounds.MAX_DEFINITIONS,
        bounds.MAX_DEPTH,
        bounds.MAX_NESTING,
        bounds.MAX_SELECTIONS,
        bounds.MAX_ALIASES,
        bounds.MAX_ROOTS,
        MAX_PASSED,
        Limits().operations,
        Limits().characters,
        messages.MOST_ID,
        messages.MOST_INIT,
        int(Limits().init_timeout),
        int(Limits().send_timeout),
    ]
    assert f"| tokens; comments | {bounds.MAX_TOKENS:,}; as many |" in page
    assert f"An operation may cost {cost.MAX_COST:,}." in page
    assert f"may cost {cost.INTROSPECTION} for each type" in page
    assert f"a mutation is {cost.MUTATION}, " in page
    assert f"up to {HELPED:,} characters" in page


def values(answer: Any) -> int:
    """How many values an answer holds."""
    inner = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ()
    return sum(1 + values(each) for each in inner)

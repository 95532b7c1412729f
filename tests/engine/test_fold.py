"""Folds whose keys depend on who did what, and rows that are found by an index."""

from datetime import timedelta
from typing import Any

import pytest

from engine.fold import Fold
from engine.shapes import ReadModel, Recorded, Row
from engine.store.columns import Layout
from engine.store.statements import Statements
from tests.engine.toy import BOXES, START, BoxOpened, BoxRow, LampLit, keys
from tests.engine.toy import apply as box_apply


class ActorRow(Row):
    id: str
    boxes: int = 0


def actor_keys(event: BoxOpened, recorded: Recorded) -> tuple[str, ...]:
    return (recorded.actor_id,) if recorded.actor_id else ()


def actor_apply(row: ActorRow | None, event: BoxOpened) -> ActorRow:
    return ActorRow(id="ann", boxes=(row.boxes if row else 0) + 1)


ACTORS = ReadModel("actors", row=ActorRow, keys=actor_keys, apply=actor_apply)


def opened(position: int, actor_id: str | None) -> Recorded:
    event = BoxOpened(box=f"b{position}", owner="o")
    at = START + timedelta(seconds=position)
    return Recorded(position, f"box-b{position}", 1, event, at, f"c{position}", "story", None, actor_id)


def test_keys_may_depend_on_who_did_it() -> None:
    fold = Fold(ACTORS)
    lamp = Recorded(4, "lamp-1", 1, LampLit(), START, "c4", "story", None, "ann")
    work = fold.work([opened(1, "ann"), opened(2, None), opened(3, "ann"), lamp])
    assert [(recorded.position, touched) for recorded, touched in work] == [(1, ("ann",)), (2, ()), (3, ("ann",))]
    assert {key: row.boxes for key, row in fold.run({}, work).rows.items()} == {"ann": 2}


@pytest.mark.parametrize("indexes", [(), ("owner",), ("owner", "weight.grams")])
def test_a_read_model_names_the_columns_that_its_rows_are_looked_up_by(indexes: tuple[str, ...]) -> None:
    model: ReadModel[Any] = ReadModel(
        "boxes", row=BoxRow, keys=keys, apply=box_apply, order=BOXES.order, indexes=indexes
    )
    made = [each for each in Statements(model, Layout(BoxRow), "a").create() if each.startswith("CREATE INDEX")]
    wanted = {f"boxes_a_by_{each.replace('.', '_')}" for each in indexes} | {"boxes_a_by_position", "boxes_a_by_order"}
    assert {each.split()[2] for each in made} == wanted
    assert ("owner" in indexes) == any("(owner, label, weight_grams DESC, id)" in each for each in made)

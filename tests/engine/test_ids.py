"""Ids: fresh ones that sort by time, and what is derived from others."""

from engine import ids


def test_a_code_follows_from_a_text_and_is_easy_to_read_out() -> None:
    codes = {ids.code(str(number)) for number in range(10_000)}
    assert len(codes) == 10_000
    assert {len(each) for each in codes} == {8}
    assert set("".join(codes)) == set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    assert ids.code("o1") == ids.code("o1") == "ZY8ZP07B"


def test_fresh_ids_sort_as_they_were_made() -> None:
    made = [ids.new() for _ in range(1000)]
    assert made == sorted(set(made))


def test_a_derived_id_follows_from_its_parts_and_from_where_one_ends() -> None:
    assert ids.derived("a", "b") == ids.derived("a", "b")
    assert len({ids.derived("a", "b"), ids.derived("ab"), ids.derived("b", "a"), ids.derived("a", "b", "")}) == 4

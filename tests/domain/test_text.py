"""Text and numbers that people type are checked before they become part of a command."""

import pytest

from domain.text import characters, identifier, named, text, whole
from engine.refusals import InvalidInput


def said(problem: InvalidInput | None) -> tuple[str, tuple[str, ...]] | None:
    return (problem.message, problem.path) if problem else None


@pytest.mark.parametrize("value", ["Aspirin", "Paracétamol 500 mg", "two\nlines\tand a tab", "漢", "x" * 200])
def test_ordinary_text_is_fine(value: str) -> None:
    assert text("name", value) is None


@pytest.mark.parametrize("value", ["", " ", "\n\t", "\u00a0"])
def test_blank_text_is_not(value: str) -> None:
    assert said(text("name", value)) == ("Must not be blank.", ("name",))


def test_text_has_an_end() -> None:
    assert said(text("name", "x" * 201)) == ("Must have at most 200 characters; this has 201.", ("name",))
    assert said(characters("value", "xxx", 2)) == ("Must have at most 2 characters; this has 3.", ("value",))


@pytest.mark.parametrize("value", ["a\x00b", "\x1b[2J", "\x7f", "half \ud800"])
def test_control_characters_and_half_surrogates_are_refused(value: str) -> None:
    assert said(text("name", value)) == (
        "Must not hold control characters or half of a surrogate pair.",
        ("name",),
    )


def test_a_value_may_be_blank() -> None:
    assert characters("value", "", 10) is None


@pytest.mark.parametrize("value", ["a", "med-1", "A.z_0:~-", "x" * 64])
def test_an_id_has_letters_digits_and_a_few_signs(value: str) -> None:
    assert identifier("id", value) is None


@pytest.mark.parametrize("value", ["", "x" * 65, "a b", "é", "a/b", "٣", "a\n"])
def test_anything_else_is_no_id(value: str) -> None:
    assert said(identifier("id", value)) == ("An id has 1 to 64 characters out of A-Z a-z 0-9 . _ : ~ -", ("id",))


@pytest.mark.parametrize("value", [1, 5, 9])
def test_a_number_within_its_bounds_is_fine(value: int) -> None:
    assert whole("quantity", value, 1, 9) is None


@pytest.mark.parametrize("value", [0, 10])
def test_a_number_outside_its_bounds_is_not(value: int) -> None:
    assert said(whole("quantity", value, 1, 9)) == (f"Must lie between 1 and 9; this is {value}.", ("quantity",))


def test_a_key_is_named_in_quotes_and_never_at_endless_length() -> None:
    assert named("a'b\n") == '"a\'b\\n"'
    assert named("x" * 200) == f"'{'x' * 200}'"
    assert named("x" * 201) == f"'{'x' * 200}…'"

"""How a person is reached, and what a password may be, is checked before it becomes part of a command."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from domain.contact import MOST_EMAIL, MOST_PASSWORD, Password, email, same_email
from engine.refusals import InvalidInput
from engine.shapes import Secret

SHAPE = "An email address looks like name@example.org."


def said(problem: InvalidInput | None) -> tuple[str, tuple[str, ...]] | None:
    return (problem.message, problem.path) if problem else None


@pytest.mark.parametrize(
    "value",
    ["a@b.cc", "Ana.Lopez+shop@example.co.uk", "o'neill@example.org", "用户@例子.广告", "a" * 242 + "@example.org"],
)
def test_an_email_address_is_let_through(value: str) -> None:
    assert email("email", value) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ana",
        "@example.org",
        "ana@",
        "ana@example",
        "ana@example.",
        "ana@@example.org",
        "a na@example.org",
        " ana@example.org",
        "ana@example.org\n",
        "ana@example.org\r\nBcc: all@example.org",
        "ana\u2028@example.org",
        "Ana <ana@example.org>",
        "ana@example.org,bob@example.org",
        '"ana"@example.org',
        "ana@example..org",
        "ana@.example.org",
    ],
)
def test_what_is_no_email_address_is_refused(value: str) -> None:
    assert said(email("email", value)) == (SHAPE, ("email",))


def test_an_email_address_has_an_end() -> None:
    value = "a" * 243 + "@example.org"
    assert said(email("email", value)) == (f"Must have at most {MOST_EMAIL} characters; this has 255.", ("email",))


@pytest.mark.parametrize("value", ["a\x00b@example.org", "a\x1b@example.org", "a\ud800@example.org"])
def test_an_email_address_holds_no_control_characters_and_no_half_surrogates(value: str) -> None:
    assert said(email("email", value)) == (
        "Must not hold control characters or half of a surrogate pair.",
        ("email",),
    )


@pytest.mark.parametrize("invisible", ["\u200b", "\u200d", "\u00ad", "\u2060", "\ufeff", "\u202e"])
def test_an_email_address_holds_nothing_that_cannot_be_seen(invisible: str) -> None:
    assert said(email("email", f"ana{invisible}@example.org")) == (SHAPE, ("email",))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana@Example.ORG", "ana@example.org"),
        ("STRASSE@example.org", "straße@example.org"),
        ("e\u0301@example.org", "\u00c9@example.org"),
        ("\uff41\uff4e\uff41@example.org", "ana@example.org"),
        ("ΣΊΣΥΦΟΣ@example.org", "σίσυφος@example.org"),
        ("\u0390@example.org", "\u0390@example.org".upper()),
    ],
)
def test_spellings_of_one_address_are_the_same(one: str, other: str) -> None:
    assert same_email(one) == same_email(other)


@pytest.mark.parametrize("other", ["ana@example.com", "an.a@example.org", "ana+shop@example.org", "àna@example.org"])
def test_different_addresses_stay_different(other: str) -> None:
    assert same_email(other) != same_email("ana@example.org")


@given(st.text(max_size=20))
def test_the_same_address_is_the_same_in_every_form_of_unicode(value: str) -> None:
    forms = [unicodedata.normalize(form, value) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    assert {same_email(each) for each in (value, same_email(value), *forms)} == {same_email(value)}


@pytest.mark.parametrize("text", ["12345678", "x" * MOST_PASSWORD, "correct horse battery", "ключ от двери", "🔑" * 8])
def test_a_password_may_be_any_text_of_some_length(text: str) -> None:
    assert Password(text).text == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1234567", "A password has 8 to 128 characters; this has 7."),
        ("", "A password has 8 to 128 characters; this has 0."),
        ("x" * 129, "A password has 8 to 128 characters; this has 129."),
        (" " * 8, "A password must not be blank."),
        ("\t\n\u00a0\u3000    ", "A password must not be blank."),
        ("secret\x00secret", "Must not hold control characters or half of a surrogate pair."),
        ("secret\udfffsecret", "Must not hold control characters or half of a surrogate pair."),
    ],
)
def test_a_bad_password_is_refused_without_being_repeated(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Password(text, "new_password")
    assert said(refused.value) == (message, ("new_password",))


@pytest.mark.parametrize("hidden", [Password("do-not-show"), Secret("do-not-show")])
def test_a_password_is_never_shown(hidden: Password | Secret) -> None:
    shown = [repr(hidden), str(hidden), f"{hidden}", pretty_repr(hidden), pretty_repr({"of": [hidden]})]
    assert [each for each in shown if "do-not-show" in each] == []

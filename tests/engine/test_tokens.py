"""Tokens: what one says can be believed, until it expires; what is not ours says nothing."""

import base64
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from engine import tokens as module
from engine.faults import Unavailable
from engine.tokens import InvalidToken, Ticket, Tokens, secret_file

pytestmark = pytest.mark.one_world("it keeps no tables")

KEY = b"0123456789abcdef0123456789abcdef" * 2
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OURS = {
    "sub": "ann",
    "position": 7,
    "iat": int(NOON.timestamp()),
    "auth_time": int(NOON.timestamp()),
    "iss": "shop",
    "aud": "shop",
}


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


def tokens(clock: Clock, secret: bytes = KEY) -> Tokens:
    return Tokens(secret, lifetime=HOUR, issuer="shop", audience="shop", now=clock)


def signed(key: bytes | str = KEY, algorithm: str = "HS256", **changed: Any) -> str:
    claims = {**OURS, "exp": int((NOON + HOUR).timestamp()), **changed}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm)


def test_a_token_says_whose_it_is_what_they_saw_and_until_when() -> None:
    at = tokens(Clock())
    token = at.issue("ann", 7)
    assert token.expires_at == NOON + HOUR
    for _ in range(2):  # the second time it is remembered
        assert at.read(token.text) == Ticket("ann", 7, NOON + HOUR, NOON)
    assert tokens(Clock()).read(signed()) == Ticket("ann", 7, NOON + HOUR, NOON)


def test_a_token_is_good_until_the_moment_it_expires_remembered_or_not() -> None:
    clock = Clock()
    at, other = tokens(clock), tokens(clock)
    text = at.issue("ann", 7).text
    clock.time = NOON + HOUR - timedelta(microseconds=1)
    assert at.read(text).subject == "ann"
    clock.time = NOON + HOUR
    for each in (at, at, other):
        with pytest.raises(InvalidToken, match=r"^The token has expired\. Sign in again\.$"):
            each.read(text)


def test_a_token_ends_with_a_whole_second_as_it_says() -> None:
    clock = Clock()
    clock.time = NOON + timedelta(milliseconds=900)
    token = tokens(clock).issue("ann", 0)
    assert token.expires_at == NOON + HOUR == tokens(clock).read(token.text).expires_at


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", "a.b.c", "ключ", "\ud800", signed()[:-2], signed() + "x", f" {signed()} .", "x" * 5000,
        signed(b"another key of thirty-two bytes!"),
        signed(algorithm="HS384"), signed(algorithm="HS512"), signed("", algorithm="none"),
        signed(iss="other"), signed(aud="other"), signed(aud=["other"]),
        signed(sub=None), signed(exp=None), signed(iat=None), signed(iss=None), signed(aud=None), signed(position=None),
        signed(sub=""), signed(position=-1), signed(position="7"), signed(position=True), signed(position=2**63),
        signed(exp=2**80), signed(exp=1e300), signed(exp="soon"), signed(exp=True), signed(exp=[]),
    ],
)  # fmt: skip
def test_what_is_not_ours_whole_and_complete_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        tokens(Clock()).read(text)
    assert str(caught.value).endswith((".", "characters."))


def test_the_algorithm_that_a_token_names_is_not_asked() -> None:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    body = part({**OURS, "exp": int((NOON + HOUR).timestamp())})
    signature = signed().rpartition(".")[2]
    algorithms: list[Any] = ["none", "None", "NONE", "HS512", "RS256", "ES256", "", None, 1, []]
    for algorithm in algorithms:
        for end in ("", signature):
            with pytest.raises(InvalidToken):
                tokens(Clock()).read(f"{part({'alg': algorithm, 'typ': 'JWT'})}.{body}.{end}")


def test_a_remembered_token_makes_no_other_good() -> None:
    at = tokens(Clock())
    text = at.issue("ann", 7).text
    at.read(text)
    head, body, signature = text.split(".")
    forged = base64.urlsafe_b64encode(json.dumps({**OURS, "sub": "bob", "exp": 2**31}).encode()).decode().rstrip("=")
    for wrong in (f"{head}.{forged}.{signature}", f"{head}.{body}.", text + "A"):
        with pytest.raises(InvalidToken):
            at.read(wrong)


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 3)
    at = tokens(Clock())
    texts = [at.issue(f"user-{number}", number).text for number in range(10)]
    for _ in range(2):
        assert [at.read(text).position for text in texts] == list(range(10))
    assert len(at._remembered) == 3


def test_a_key_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="has 31 bytes"):
        tokens(Clock(), KEY[:31])


# ---------------------------------------------------------------- the file with the key


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "token.key"
    old = os.umask(0)
    try:
        made = secret_file(path)
    finally:
        os.umask(old)
    assert len(made) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret_file(path) == made
    assert [each.name for each in path.parent.iterdir()] == ["token.key"]
    assert secret_file(tmp_path / "other.key") != made


def test_of_keys_made_at_once_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "token.key"
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: secret_file(path), range(32)))) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["token.key"]


def test_a_longer_key_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "token.key").write_bytes(KEY * 2)
    assert secret_file(tmp_path / "token.key") == KEY * 2


def test_a_key_that_is_too_short_or_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "token.key"
    path.write_bytes(KEY[:31])
    with pytest.raises(Unavailable) as short:
        secret_file(path)
    assert str(short.value).startswith(f"{path}, the key of the tokens, has 31 bytes; it needs at least 32. Restore it")
    assert KEY[:31].decode() not in str(short.value)
    path.unlink()
    path.mkdir()
    with pytest.raises(Unavailable, match=r"the key of the tokens, cannot be had: Is a directory\.$"):
        secret_file(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=r"file/token\.key, the key of the tokens, cannot be had: .*\.$"):
        secret_file(tmp_path / "file" / "token.key")

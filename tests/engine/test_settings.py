"""Settings: a default for each, an environment variable for each, and a sentence for each that is wrong."""

import os
from pathlib import Path
from typing import Any

import pytest

from cli.settings import ShopSettings
from engine import settings as configuration
from engine.channel import _client
from engine.roles import ALL, Role
from engine.settings import SettingsError, example, load

pytestmark = pytest.mark.one_world("it keeps no tables")

ROOT = Path(__file__).parents[2]

# Name, default, another value as it stands in the environment and as it is read, a wrong one and what is said of it.
TABLE: list[tuple[str, Any, str, Any, str, str]] = [
    (
        "ROLES",
        "api,projector,reactor,relay",
        "api, relay",
        "api, relay",
        "cook",
        "must be one or more of api, projector",
    ),
    ("HOST", "127.0.0.1", "0.0.0.0", "0.0.0.0", "", "String should have at least 1 character"),
    ("PORT", 8000, "0", 0, "65536", "must be less than or equal to 65535"),
    ("ALLOWED_HOSTS", "", "shop.example, b:81", "shop.example, b:81", "https://b", "must be names with commas"),
    ("ALLOWED_ORIGINS", "", "https://a.example", "https://a.example", "a.example", "must be origins with commas"),
    ("TOKEN_LIFETIME_MINUTES", 480, "1", 1, "0", "must be greater than or equal to 1"),
    (
        "WRITE_DB_URL",
        "sqlite:///data/log.db",
        "sqlite:////x/l.db",
        "sqlite:////x/l.db",
        "mysql://x",
        "must name a SQLite",
    ),
    (
        "READ_DB_URL",
        "sqlite:///data/read.db",
        "postgresql://h/r",
        "postgresql://h/r",
        "sqlite:///",
        "must name a SQLite",
    ),
    ("DATA_DIR", "data", "/kept", "/kept", "", "String should have at least 1 character"),
    ("REDIS_URL", "", "redis://a:b@h:1/2", "redis://a:b@h:1/2", "http://a:b@h", "must begin with redis://, rediss"),
    (
        "RELAY_URL",
        "",
        "nats://ann:pw@h",
        "nats://ann:pw@h",
        "smtp://ann:pw@h",
        "must begin with amqp://, amqps",
    ),
    ("RELAY_CHANNEL", "events", "shop-1", "shop-1", "a.b", "String should match pattern"),
    ("RELAY_MOST_KEPT", 1_000_000, "1000", 1000, "999", "must be greater than or equal to 1000"),
    ("RELAY_PERSONAL_DATA", False, "true", True, "perhaps", "must be a valid boolean"),
    ("DB_POOL_MIN_SIZE", 1, "2", 2, "0", "must be greater than or equal to 1"),
    ("DB_POOL_MAX_SIZE", 4, "64", 64, "65", "must be less than or equal to 64"),
    ("PROJECTOR_BATCH_SIZE", 1000, "1", 1, "1.5", "must be a valid integer"),
    ("PROJECTOR_POLL_INTERVAL", 0.5, "60", 60.0, "0", "must be greater than or equal to 0.01"),
    ("READ_TIMEOUT_MS", 2000, "0", 0, "soon", "must be a valid integer"),
    ("SYNCHRONOUS", False, "true", True, "perhaps", "must be a valid boolean"),
    ("MAX_BODY_BYTES", 2_097_152, "1024", 1024, "1023", "must be greater than or equal to 1024"),
    ("TRUSTED_DOCUMENTS", "", "documents.json", "documents.json", "documents", "must name a JSON file"),
    ("ONLY_TRUSTED_DOCUMENTS", False, "true", True, "perhaps", "must be a valid boolean"),
    ("AGGREGATE_CACHE_SIZE", 10_000, "0", 0, "-1", "must be greater than or equal to 0"),
    ("COMMAND_RETENTION_DAYS", 30, "7", 7, "6", "must be greater than or equal to 7"),
    ("TOMBSTONE_RETENTION_DAYS", 7.0, "0.5", 0.5, "0", "must be greater than 0"),
    ("HEALTH_MAX_LAG_SECONDS", 30.0, "0.5", 0.5, "0", "must be greater than 0"),
    ("HEALTH_MAX_DEAD_LETTERS", 1000, "0", 0, "-1", "must be greater than or equal to 0"),
    ("TRACING", False, "true", True, "perhaps", "must be a valid boolean"),
    ("LOG_LEVEL", "info", "debug", "debug", "loud", "must be 'debug', 'info', 'warning' or 'error'"),
    ("LOG_FORMAT", "auto", "json", "json", "xml", "must be 'auto', 'console' or 'json'"),
    ("ADMIN_EMAIL", "", "ada@example.org", "ada@example.org", "ada", "must be"),
    ("ADMIN_PASSWORD", "", "long enough", "long enough", "short", "A password has 8 to"),
    ("PAYMENT_MINUTES", 15, "1", 1, "0", "must be greater than or equal to 1"),
    ("GATEWAY_DELAY_MS", 200, "0", 0, "-1", "must be greater than or equal to 0"),
    ("SMTP_URL", "", "smtp://ann:pw@mail", "smtp://ann:pw@mail", "http://ann:pw@mail", "must be of the form smtp://"),
    ("MAIL_FROM", "shop@localhost", "Shop <a@b>", "Shop <a@b>", "@b", "must be one address"),
    ("DESK", True, "false", False, "perhaps", "must be a valid boolean"),
]


NEEDS = {
    "ROLES": {"WRITE_DB_URL": "postgresql://h/log", "READ_DB_URL": "postgresql://h/reads"},
    "DB_POOL_MIN_SIZE": {"DB_POOL_MAX_SIZE": "64"},
    "ONLY_TRUSTED_DOCUMENTS": {"TRUSTED_DOCUMENTS": "documents.json"},
    "ADMIN_EMAIL": {"ADMIN_PASSWORD": "long enough"},
    "ADMIN_PASSWORD": {"ADMIN_EMAIL": "ada@example.org"},
}
"What else has to be set for another value to be meant."
SECRET = ["WRITE_DB_URL", "READ_DB_URL", "REDIS_URL", "RELAY_URL", "ADMIN_PASSWORD", "SMTP_URL"]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.lower() in ShopSettings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_every_setting_is_in_the_table() -> None:
    assert [row[0].lower() for row in TABLE] == list(ShopSettings.model_fields)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_a_setting_has_a_default_and_is_read_from_the_environment_and_from_a_file(
    row: tuple[str, Any, str, Any, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, default, given, read, *_ = row
    assert getattr(load(ShopSettings), name.lower()) == default
    Path(".env").write_text(f"# what we changed\n{name}={given}\n")
    for needed, value in NEEDS.get(name, {}).items():
        monkeypatch.setenv(needed, value)
    assert getattr(load(ShopSettings), name.lower()) == read
    Path(".env").unlink()
    monkeypatch.setenv(name, given)
    assert getattr(load(ShopSettings), name.lower()) == read
    monkeypatch.delenv(name)
    monkeypatch.setenv(name.lower(), given)
    assert getattr(load(ShopSettings), name.lower()) == read


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_a_wrong_value_gives_a_sentence_that_names_it(
    row: tuple[str, Any, str, Any, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, *_, wrong, reason = row
    monkeypatch.setenv(name, wrong)
    with pytest.raises(SettingsError) as caught:
        load(ShopSettings)
    value = "" if name in SECRET else f"='{wrong}'"
    assert str(caught.value).startswith(f"{name}{value} is refused: {reason}")
    assert str(caught.value).endswith(".")


def test_a_password_is_not_shown_among_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "smtp://shop:hunter2@mail.example.org")
    assert "hunter2" not in repr(load(ShopSettings))


def test_several_wrong_values_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("LOG_LEVEL", "x")
    with pytest.raises(SettingsError) as caught:
        load(ShopSettings)
    assert [line.split("=")[0] for line in str(caught.value).splitlines()] == ["PORT", "LOG_LEVEL"]


@pytest.mark.parametrize("file", ["WRITE_DB_URL", "READ_DB_URL"])
def test_several_processes_need_a_database_that_they_can_share(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, url in NEEDS["ROLES"].items():
        monkeypatch.setenv(name, url)
    monkeypatch.delenv(file)
    with pytest.raises(SettingsError, match=r"^ROLES='api,projector' needs PostgreSQL, .* or leave ROLES out"):
        load(ShopSettings, roles="api,projector")
    assert load(ShopSettings, roles="relay,reactor,API,projector").serves == ALL


def test_a_relay_alone_needs_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, url in NEEDS["ROLES"].items():
        monkeypatch.setenv(name, url)
    with pytest.raises(SettingsError, match=r"^ROLES='relay' needs RELAY_URL"):
        load(ShopSettings, roles="relay")
    monkeypatch.setenv("RELAY_URL", "nats://h")
    assert load(ShopSettings, roles="relay").serves == {Role.RELAY}


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("PORT=1\nHOST=localhost\n")
    monkeypatch.setenv("PORT", "2")
    assert (load(ShopSettings).port, load(ShopSettings).host) == (2, "localhost")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("PROT=1", "PROT in .env is no setting. Did you mean PORT?"),
        ("WRITE_DB=sqlite:///x", "WRITE_DB in .env is no setting. Did you mean WRITE_DB_URL?"),
        ("QQQQ=1", "QQQQ in .env is no setting."),
    ],
)
def test_an_unknown_name_in_the_file_is_refused_with_the_nearest(line: str, said: str) -> None:
    Path(".env").write_text(line)
    with pytest.raises(SettingsError) as caught:
        load(ShopSettings)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("host", "name"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("0.0.0.0", "0.0.0.0"), ("Shop.Local", "shop.local")],
)
def test_the_server_answers_to_its_own_address_and_to_the_names_given(
    host: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("ALLOWED_HOSTS", " Shop.example,, 10.0.0.1:81 ,")
    assert load(ShopSettings).hosts == (name, "shop.example", "10.0.0.1:81")


@pytest.mark.parametrize("host", ["a/b", "a b", "a@b", "https://a", "[::1", "a:b", "*:"])
def test_a_host_that_cannot_be_a_name_is_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", f"fine.example,{host}")
    with pytest.raises(SettingsError, match=r"ALLOWED_HOSTS=.* is refused: must be names with commas between them"):
        load(ShopSettings)


@pytest.mark.parametrize("origin", ["null", "a.example", "https://a.example/", "https://", "ftp://a", "https://a@b"])
def test_an_origin_that_no_browser_sends_is_refused(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", f"https://fine.example,{origin}")
    with pytest.raises(SettingsError, match=r"ALLOWED_ORIGINS=.* is refused: must be origins with commas between them"):
        load(ShopSettings)


@pytest.mark.parametrize(("given", "missing"), [("ADMIN_EMAIL", "ADMIN_PASSWORD"), ("ADMIN_PASSWORD", "ADMIN_EMAIL")])
def test_the_administrators_email_and_password_go_together(
    given: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(given, "someone@example.org")
    with pytest.raises(SettingsError) as caught:
        load(ShopSettings)
    assert str(caught.value) == f"ADMIN_EMAIL and ADMIN_PASSWORD go together; {missing} is not set."


@pytest.mark.parametrize("password", ["x" * 129, " " * 8])
def test_a_password_that_nobody_could_sign_in_with_is_refused(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_EMAIL", "ada@example.org")
    monkeypatch.setenv("ADMIN_PASSWORD", password)
    with pytest.raises(SettingsError, match=r"^ADMIN_PASSWORD is refused: A password [^.]*\.$"):
        load(ShopSettings)


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_EMAIL", "someone@example.org")
    monkeypatch.setenv("ADMIN_PASSWORD", "hunter2 hunter2")
    monkeypatch.setenv("SMTP_URL", "smtp://ann:hunter2@mail")
    assert "hunter2" not in repr(load(ShopSettings)) + str(load(ShopSettings))
    monkeypatch.setenv("ADMIN_PASSWORD", "hunter2")
    monkeypatch.setenv("SMTP_URL", "imap://ann:hunter2@mail")
    with pytest.raises(SettingsError) as caught:
        load(ShopSettings)
    assert "hunter2" not in str(caught.value)
    assert [line.split()[0] for line in str(caught.value).splitlines()] == ["ADMIN_PASSWORD", "SMTP_URL"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:6379", "must begin with redis://"),
        ("redis+srv://:pw@h", "must begin with redis://"),
        ("redis://", "must name a host"),
        ("redis://:pw@", "must name a host"),
        ("redis://:pw@h/one", "must name a host"),
        ("redis://:pw@h:0", "must name a host"),
        ("redis://:pw@h:65536", "must have a port from 1 to 65535, and characters like"),
        ("redis://:pw#pw@h", "must have a port from 1 to 65535, and characters like"),
        ("redis://ann:1#pw@h", "may have no options but db, and # in a password as %23"),
        ("redis://[::1:pw@h", "must have a port from 1 to 65535, and characters like"),
        ("redis://:pw@h?socket_timeout=9", "may have no options but db"),
        ("redis://:pw@h?ssl_ca_certs=x", "may have no options but db"),
        ("rediss://:pw@h?ssl_verify=no", "may have no options but db, ssl_ca_certs"),
        ("unix://run/redis.sock?password=pw", "must name the whole path"),
        ("unix://", "must name the whole path of a socket"),
        ("unix:///r.sock?timeout=pw", "may have no options but db, password, username"),
    ],
)
def test_a_wrong_url_of_redis_is_refused_without_its_password(
    url: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(SettingsError) as caught:
        load(ShopSettings)
    assert str(caught.value).startswith(f"REDIS_URL is refused: {said}")
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost/",
        "redis://[::1]:6379/15",
        "redis://ann:p%40w@h:1?db=3",
        "rediss://h:6380/0?ssl_ca_certs=/etc/ca.pem&ssl_cert_reqs=required",
        "unix:///run/redis.sock?db=1&password=pw",
    ],
)
def test_a_url_of_redis_is_taken_as_it_is_and_the_client_understands_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    assert load(ShopSettings).redis_url == url
    assert _client(url).connection_pool.make_connection()  # type: ignore[no-untyped-call]


def test_redis_without_its_client_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://h")
    monkeypatch.setattr("engine.settings.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"^REDIS_URL needs a client: pip install .*requirements/redis.txt\.$"):
        load(ShopSettings)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://ann:hunter2@db/shop", "must name a SQLite file, for example"),
        ("postgres://ann:hunter2@db/shop", "must name a SQLite file, for example"),
        ("postgresql://ann:hunter2@db", "must name a database after the host"),
        ("postgresql://ann:hunter2@db:port/shop", "must have a host and a port that can be read"),
        ("postgresql://ann:hunter2@3/t@db/shop", "must have special characters of a password percent-encoded"),
        ("postgresql://ann:[hunter2@db/shop", "must have a host and a port that can be read"),
    ],
)
def test_a_wrong_url_of_a_database_is_refused_without_showing_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str, reason: str
) -> None:
    monkeypatch.setenv("WRITE_DB_URL", url)
    with pytest.raises(SettingsError) as caught:
        load(ShopSettings)
    assert str(caught.value).startswith(f"WRITE_DB_URL is refused: {reason}")
    assert "hunter2" not in str(caught.value)


def test_a_database_on_a_server_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WRITE_DB_URL", "READ_DB_URL"):
        monkeypatch.setenv(name, "postgresql://ann:hunter2@[::1]:5433/shop?sslmode=require")
    monkeypatch.setenv("DATA_DIR", "/kept")
    given = load(ShopSettings)
    assert (given.log_name, given.reads_name) == ("postgresql://[::1]:5433/shop",) * 2
    assert given.key_path == Path("/kept/token.key")
    assert "hunter2" not in repr(given)


def test_a_pool_smaller_than_its_start_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_POOL_MIN_SIZE", "5")
    with pytest.raises(SettingsError, match=r"^DB_POOL_MIN_SIZE \(5\) must not exceed DB_POOL_MAX_SIZE \(4\)\.$"):
        load(ShopSettings)


def test_one_file_for_both_stores_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READ_DB_URL", "sqlite:///data/../data/log.db")
    with pytest.raises(SettingsError, match=r"^WRITE_DB_URL and READ_DB_URL must name two different files\.$"):
        load(ShopSettings)


def test_nothing_could_be_asked_without_a_trusted_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONLY_TRUSTED_DOCUMENTS", "true")
    with pytest.raises(SettingsError, match=r"^ONLY_TRUSTED_DOCUMENTS needs TRUSTED_DOCUMENTS"):
        load(ShopSettings)


def test_the_paths_of_the_stores_follow_from_their_urls() -> None:
    assert (load(ShopSettings).log_name, load(ShopSettings).reads_name) == ("data/log.db", "data/read.db")
    assert load(ShopSettings).key_path == Path("data/token.key")
    given = ShopSettings(_env_file=None, write_db_url="sqlite:////x/log.db")  # type: ignore[call-arg]  # pydantic-settings'
    assert (given.log_name, given.key_path) == ("/x/log.db", Path("/x/token.key"))


def test_a_file_that_is_no_text_is_said_in_a_sentence() -> None:
    Path(".env").write_bytes(b"PORT=\xff\xfe")
    with pytest.raises(SettingsError, match=r"^\.env cannot be read: .*\.$"):
        load(ShopSettings)


def test_the_example_shows_every_setting_with_its_default_and_can_be_used_as_it_is() -> None:
    Path(".env").write_text(example(ShopSettings))
    assert load(ShopSettings) == ShopSettings()  # type: ignore[call-arg]  # every field has a default
    lines = [line.split("=")[0] for line in example(ShopSettings).splitlines() if line and not line.startswith("#")]
    assert lines == [row[0] for row in TABLE]


def test_the_example_file_is_up_to_date() -> None:
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == configuration.example(ShopSettings)

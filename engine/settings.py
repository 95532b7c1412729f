"""Settings: the only reader of the environment. Each has a default; a wrong value is a sentence that names it."""

import ipaddress
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(Exception):
    """What is wrong with the settings, a sentence for each, ready to be shown."""


class Settings(BaseSettings):
    """Read from the environment, then from `.env` beside the working directory."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on. Loopback only, as long as there is no sign-in.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    write_db_url: str = Field("sqlite:///data/log.db", description="The event log.")
    read_db_url: str = Field("sqlite:///data/read.db", description="The read tables; can be rebuilt from the log.")
    redis_url: str = Field(
        "", description="Hints between processes. Empty: within this process, which is all it needs."
    )
    db_pool_min_size: int = Field(1, ge=1, le=64, description="Connections for reading that are opened at start.")
    db_pool_max_size: int = Field(4, ge=1, le=64, description="Connections for reading, at most, to each database.")
    projector_batch_size: int = Field(1000, ge=1, le=100_000, description="Events folded in one transaction, at most.")
    projector_poll_interval: float = Field(
        0.5, ge=0.01, le=60, description="Seconds after which the log is looked at even without a hint."
    )
    read_timeout_ms: int = Field(2000, ge=0, le=60_000, description="How long a read waits for `atLeast`, at most.")
    synchronous: bool = Field(False, description="Answer a mutation only once every read model shows it.")
    max_body_bytes: int = Field(2_097_152, ge=1024, le=67_108_864, description="Largest request or socket message.")
    aggregate_cache_size: int = Field(10_000, ge=0, le=10_000_000, description="Folded aggregates kept in memory.")
    command_retention_days: int = Field(30, ge=7, le=3650, description="How long a command id is remembered.")
    tombstone_retention_days: float = Field(7, gt=0, le=3650, description="How long a removal can be resumed across.")
    smtp_url: str = Field(
        "",
        repr=False,
        description="Mail server, smtp://user:password@host:port or smtps://. Empty: mail is logged, not sent.",
    )
    mail_sender: str = Field("shop@localhost", description="Address that mail comes from.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least serious line to log.")
    log_format: Literal["auto", "console", "json"] = Field("auto", description="auto: JSON unless a person looks on.")

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        address = "127.0.0.1" if host == "localhost" else host
        try:
            is_loopback = ipaddress.ip_address(address).is_loopback
        except ValueError:
            is_loopback = False
        if not is_loopback:
            raise ValueError("must be a loopback address (127.0.0.1, ::1 or localhost): there is no sign-in yet")
        return host

    @field_validator("write_db_url", "read_db_url")
    @classmethod
    def _sqlite(cls, url: str) -> str:
        if not url.startswith("sqlite:///") or not url.removeprefix("sqlite:///").strip():
            raise ValueError(
                "must name a SQLite file, for example sqlite:///data/log.db or sqlite:////absolute/path.db"
            )
        return url

    @field_validator("redis_url")
    @classmethod
    def _in_process(cls, url: str) -> str:
        if url:
            raise ValueError("must be empty: one process serves everything, so there is nobody to send hints to")
        return url

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, url: str) -> str:
        if url and not url.startswith(("smtp://", "smtps://")):
            raise ValueError("must begin with smtp:// or smtps://")
        return url

    @field_validator("mail_sender")
    @classmethod
    def _address(cls, sender: str) -> str:
        if "@" not in sender.strip("@"):
            raise ValueError("must be one address, for example shop@example.org")
        return sender

    @property
    def write_path(self) -> Path:
        return Path(self.write_db_url.removeprefix("sqlite:///"))

    @property
    def read_path(self) -> Path:
        return Path(self.read_db_url.removeprefix("sqlite:///"))


def load() -> Settings:
    """The settings in force. Raises SettingsError."""
    try:
        settings = Settings()  # type: ignore[call-arg]  # every field has a default
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(dict(each)) for each in error.errors())) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f".env cannot be read: {error}.") from None
    if settings.db_pool_min_size > settings.db_pool_max_size:
        least, most = settings.db_pool_min_size, settings.db_pool_max_size
        raise SettingsError(f"DB_POOL_MIN_SIZE ({least}) must not exceed DB_POOL_MAX_SIZE ({most}).")
    if settings.write_path.resolve() == settings.read_path.resolve():
        raise SettingsError("WRITE_DB_URL and READ_DB_URL must name two different files.")
    return settings


def _sentence(error: dict[str, object]) -> str:
    location = error["loc"]
    name = str(location[0]).upper() if isinstance(location, tuple) and location else "?"
    if error["type"] == "extra_forbidden":
        near = get_close_matches(name, [field.upper() for field in Settings.model_fields], n=1)
        return f"{name} in .env is no setting." + (f" Did you mean {near[0]}?" if near else "")
    # What is kept out of a repr may be a password.
    field = Settings.model_fields.get(name.lower())
    value = f"={error['input']!r}" if field is None or field.repr else ""
    reason = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be", 1)
    return f"{name}{value} is refused: {reason}."


def example() -> str:
    """The text of `.env.example`: every setting with what it means and its default."""
    lines = ["# Every setting, with its default. Copy to .env and change what you need."]
    for name, field in Settings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else field.default
        lines += ["", f"# {field.description}", f"{name.upper()}={default}"]
    return "\n".join(lines) + "\n"

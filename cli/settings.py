"""The settings of the shop, beside those of the engine."""

from collections.abc import Iterator

from pydantic import Field, field_validator

from domain.contact import Password
from engine.refusals import InvalidInput
from engine.settings import Settings


class ShopSettings(Settings):
    """What this shop needs to know beyond what the engine does."""

    admin_email: str = Field("", description="Who administers the shop: an account made at the first start.")
    admin_password: str = Field("", repr=False, description="The password that this account begins with.")
    payment_minutes: int = Field(15, ge=1, le=10_080, description="How long an order may stay unpaid.")
    gateway_delay_ms: int = Field(
        200, ge=0, le=20_000, description="How long the built-in payment gateway takes to answer."
    )
    smtp_url: str = Field(
        "",
        repr=False,
        description="Mail server, as smtp://name:password@mail.example:587 or smtps://. Empty: mail goes to the log.",
    )
    mail_from: str = Field("shop@localhost", description="Sender of the shop's mail: an address, or Name <address>.")
    desk: bool = Field(True, description="Serve the desk at /, and GraphiQL at /graphiql.")

    @field_validator("admin_email")
    @classmethod
    def _address(cls, email: str) -> str:
        if email and "@" not in email:
            raise ValueError("must be an address, for example ada@shop.example")
        return email

    @field_validator("admin_password")
    @classmethod
    def _choosable(cls, password: str) -> str:
        try:
            return Password(password).text if password else ""
        except InvalidInput as refusal:
            raise ValueError(refusal.message.removesuffix(".")) from None

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, url: str) -> str:
        if url and not url.startswith(("smtp://", "smtps://")):
            raise ValueError("must be of the form smtp://name:password@mail.example:587, or empty")
        return url

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, sender: str) -> str:
        name, _, host = sender.strip().removesuffix(">").rpartition("@")
        if not name or not host:
            raise ValueError("must be one address, shop@example.org or Shop <shop@example.org>")
        return sender

    def conflicts(self) -> Iterator[str]:
        yield from super().conflicts()
        if bool(self.admin_email) != bool(self.admin_password):
            missing = "ADMIN_PASSWORD" if self.admin_email else "ADMIN_EMAIL"
            yield f"ADMIN_EMAIL and ADMIN_PASSWORD go together; {missing} is not set."

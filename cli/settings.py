"""The settings of the shop, beside those of the engine."""

from collections.abc import Iterator

from pydantic import Field, field_validator

from engine.settings import Settings


class ShopSettings(Settings):
    """What this shop needs to know beyond what the engine does."""

    admin_email: str = Field("", description="Who administers the shop: an account made at the first start.")
    admin_password: str = Field("", repr=False, description="The password that this account begins with.")
    payment_minutes: int = Field(15, ge=1, le=10_080, description="How long an order may stay unpaid.")
    smtp_url: str = Field(
        "", repr=False, description="Mail server, as smtp://name:password@mail.example:587. Empty: no mail is sent."
    )
    mail_from: str = Field("shop@localhost", min_length=3, description="Sender of the shop's mail.")

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, url: str) -> str:
        if url and not url.startswith(("smtp://", "smtps://")):
            raise ValueError("must be of the form smtp://name:password@mail.example:587, or empty")
        return url

    def conflicts(self) -> Iterator[str]:
        yield from super().conflicts()
        if bool(self.admin_email) != bool(self.admin_password):
            missing = "ADMIN_PASSWORD" if self.admin_email else "ADMIN_EMAIL"
            yield f"ADMIN_EMAIL and ADMIN_PASSWORD go together; {missing} is not set."

"""Mail to one person."""

from engine.shapes import Effect


class SendMail(Effect):
    to: str
    subject: str
    text: str

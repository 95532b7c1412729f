"""What is asked of the post."""

from engine.shapes import Effect

ADMINISTRATORS = ""
"As the addressee: whoever looks after the shop."


class SendMail(Effect):
    to: str
    subject: str
    text: str

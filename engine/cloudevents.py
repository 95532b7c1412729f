"""An event as others get it: CloudEvents 1.0, structured, as JSON."""

from typing import Any

import msgspec

from engine.broker import Message
from engine.codec import personal_fields
from engine.shapes import Recorded

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
_SEQUENCE = 20
"Digits of a position that sorts as text; as many as the greatest has."


class CloudEvents:
    """Makes messages of the events of one log. `source` and `id` together name an event for ever."""

    def __init__(self, log_id: str, *, tells_personal: bool) -> None:
        self.source = f"/logs/{log_id}"
        self._log_id = log_id
        self._tells_personal = tells_personal
        self._encode = msgspec.json.Encoder().encode

    def message(self, recorded: Recorded) -> Message:
        category, kind = recorded.stream.partition("-")[0], type(recorded.event).__name__
        return Message(
            id=f"{self._log_id}:{recorded.position}",
            stream=recorded.stream,
            subject=f"{category}.{kind}",
            body=self._encode(self._envelope(recorded, kind)),
        )

    def _envelope(self, recorded: Recorded, kind: str) -> dict[str, Any]:
        extensions = {
            "sequence": f"{recorded.position:0{_SEQUENCE}}",
            "streamversion": recorded.version,
            "commandid": recorded.command_id,
            "correlationid": recorded.correlation_id,
            "causationid": recorded.causation_id,
            "traceparent": recorded.trace,
        }
        return {
            "specversion": "1.0",
            "id": str(recorded.position),
            "source": self.source,
            "type": kind,
            "subject": recorded.stream,
            "time": recorded.recorded_at,
            "datacontenttype": "application/json",
            **{name: value for name, value in extensions.items() if value is not None},
            "data": self._data(recorded),
        }

    def _data(self, recorded: Recorded) -> dict[str, Any]:
        told: dict[str, Any] = msgspec.to_builtins(recorded.event)
        if not self._tells_personal:
            for name in personal_fields(type(recorded.event)):
                del told[name]
        return told

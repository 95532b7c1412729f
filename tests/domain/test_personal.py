"""Which fields of events hold personal data: what of the log must not leave the shop without leave."""

import re

from cli.application import DECLARATIONS
from engine.codec import personal_fields

EVENTS = sorted(DECLARATIONS.events, key=lambda event: event.__name__)
TELLING = re.compile(r"(?:^|_)(?:email|first_name|last_name|phone|address|birth\w*|reason|note|comment|text|value)$")
"Names of fields that tell of a person, or that people write freely into."
MADE_BY_RULES = {"OrderRejected.reason", "OrderPaymentDeclined.reason"}
"Sentences that hold names of medicines, statuses and sums."


def test_a_field_whose_name_tells_of_a_person_is_personal() -> None:
    unmarked = {
        f"{event.__name__}.{name}"
        for event in EVENTS
        for name in set(event.__struct_fields__) - personal_fields(event)
        if TELLING.search(name)
    }
    assert unmarked == MADE_BY_RULES


def test_these_are_personal() -> None:
    assert [f"{event.__name__}.{name}" for event in EVENTS for name in sorted(personal_fields(event))] == [
        "DeadLetterDiscarded.reason",
        "MedicineDiscontinued.reason",
        "OrderCancelled.reason",
        "OrderInitiated.user_email",
        "OrderRefunded.reason",
        "PaymentFailed.reason",
        "PaymentRefunded.reason",
        "RecordWritten.value",
        "StockAdjusted.reason",
        "UserContactChanged.address",
        "UserContactChanged.phone",
        "UserDeleted.email",
        "UserEmailChanged.email",
        "UserEmailChanged.previous_email",
        "UserRegistered.email",
        "UserRegistered.first_name",
        "UserRegistered.last_name",
        "UserRenamed.first_name",
        "UserRenamed.last_name",
        "UserSuspended.email",
        "UserSuspended.reason",
    ]

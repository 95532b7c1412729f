"""A notice goes out as a mail to the address its reader has at that moment."""

from domain.correspondence import CORRESPONDENCE, Addressee
from domain.mail import ADMINISTRATORS, SendMail
from engine.shapes import replace
from engine.testing import followed, reactions
from tests.domain.test_notices import RAN_LOW
from tests.domain.test_order import INITIATED
from tests.domain.test_payment import SUCCEEDED
from tests.domain.test_user import ANA, DELETED, MOVED, SUSPENDED

WELCOME = SendMail(to="Ana@example.org", subject="Welcome", text="Welcome, Ana. Your account is ready.")
CAME_IN = SendMail(
    to="Ana@example.org",
    subject="Order 20300101-7K2M",
    text="Your order 20300101-7K2M over 12.58 USD has come in.",
)


def test_a_user_is_welcomed() -> None:
    assert reactions(CORRESPONDENCE, ANA) == [WELCOME]


def test_a_customer_gets_mail_about_orders_and_payments() -> None:
    assert reactions(CORRESPONDENCE, ANA, INITIATED) == [CAME_IN]
    assert reactions(CORRESPONDENCE, ANA, INITIATED, SUCCEEDED) == [
        SendMail(
            to="Ana@example.org",
            subject="Payment for order 20300101-7K2M",
            text="Your payment of 12.58 USD for order 20300101-7K2M has arrived.",
        )
    ]


def test_mail_goes_to_the_new_address_from_its_change_on() -> None:
    assert reactions(CORRESPONDENCE, ANA, MOVED) == [
        SendMail(
            to="ana@example.com",
            subject="Your email address was changed",
            text="Your email address is now ana@example.com; it was Ana@example.org.",
        )
    ]
    assert reactions(CORRESPONDENCE, ANA, MOVED, INITIATED) == [replace(CAME_IN, to="ana@example.com")]


def test_nobody_is_mailed_after_their_deletion() -> None:
    assert reactions(CORRESPONDENCE, ANA, DELETED) == []
    assert reactions(CORRESPONDENCE, ANA, DELETED, INITIATED) == []
    assert followed(CORRESPONDENCE, ANA, MOVED, DELETED) == Addressee()


def test_a_customer_who_never_registered_gets_no_mail() -> None:
    assert reactions(CORRESPONDENCE, INITIATED) == []
    assert reactions(CORRESPONDENCE, replace(ANA, user_id="u2"), INITIATED) == []


def test_administrators_get_mail_about_stock_and_suspensions() -> None:
    assert reactions(CORRESPONDENCE, RAN_LOW) == [
        SendMail(
            to=ADMINISTRATORS,
            subject="Low stock: Aspirin",
            text="4 of Aspirin are left to sell. The threshold is 5.",
        )
    ]
    assert reactions(CORRESPONDENCE, ANA, SUSPENDED) == [
        SendMail(to=ADMINISTRATORS, subject="A user was suspended", text="Ana@example.org was suspended: does not pay")
    ]


def test_a_suspension_leaves_the_address_of_the_user() -> None:
    assert followed(CORRESPONDENCE, ANA, SUSPENDED, INITIATED) == Addressee("Ana@example.org")


def test_the_subject_of_a_mail_is_one_line_whatever_a_medicine_is_called() -> None:
    """A line break there would begin another header, and no library sends such a mail."""
    (mail,) = reactions(CORRESPONDENCE, replace(RAN_LOW, name="Aspirin\r\nBcc: all@example.org\u2028Protect\t"))
    assert isinstance(mail, SendMail)
    assert mail.subject == "Low stock: Aspirin Bcc: all@example.org Protect"

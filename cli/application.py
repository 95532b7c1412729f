"""This shop as an application: what its packages declare, and who performs what it wants of the world outside."""

from collections.abc import Mapping

import domain
import readmodels
from cli.settings import ShopSettings
from domain.gateway import ChargePayment, RefundCharge
from domain.mail import SendMail
from domain.payment import ConfirmPayment, FailPayment
from engine.declarations import Declarations
from engine.faults import Unavailable
from engine.shapes import Effect
from engine.wishes import Performer
from ports.gateway import DeterministicGateway, charging, refunding
from ports.mail import mailer, mailing

DECLARATIONS = Declarations.of(domain, readmodels)


def performers(settings: ShopSettings) -> Mapping[type[Effect], Performer]:
    """Who performs the effects. Raises Unavailable for a mail server or sender that cannot be meant."""
    gateway = DeterministicGateway(settings.gateway_delay_ms / 1000)
    try:
        post = mailer(settings.smtp_url, settings.mail_from)
    except ValueError as error:
        raise Unavailable(str(error)) from None
    return {
        ChargePayment: charging(gateway, ConfirmPayment, FailPayment),
        RefundCharge: refunding(gateway),
        SendMail: mailing(post, settings.admin_email),
    }

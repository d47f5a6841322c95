"""The way out by SMTP against Python's smtplib, in mails per CPU second."""

import smtplib
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from tpma.cli.benchmarks import mails, sinks
from tpma.cli.benchmarks.rows import Row, in_turns
from tpma.core.clock import utc_now
from tpma.core.errors import Conflict
from tpma.core.settings import Settings
from tpma.ports.mail import Envelope, MailTransport, Outcome
from tpma.wiring import transport_of

_SKELETON = mails.skeleton()
_HEAD = mails.head(utc_now())
_SENDER = f"campaigns@bench.{mails.DOMAIN}"


def rows(quick: bool) -> Iterator[Row]:
    """A frozen mail by our adapter, against values filled into an EmailMessage by smtplib."""
    number, rounds = (60, 3) if quick else (300, 7)
    with sinks.smtp() as port, TemporaryDirectory() as home:
        transport = _transport(port, Path(home))
        client = smtplib.SMTP("127.0.0.1", port, local_hostname="bench.tpma.example")
        ours, plain = in_turns(
            [
                _all(number, lambda n: _by_transport(transport, n)),
                _all(number, lambda n: _by_email_message(client, n)),
            ],
            rounds,
        )
        client.quit()
    what = "SMTP, against smtplib with EmailMessage"
    yield Row(what, "mails/CPU s", number / ours, number / plain, plain / ours, 2)


def _all(number: int, way: Callable[[int], None]) -> Callable[[], None]:
    def run() -> None:
        for each in range(number):
            way(each)

    return run


def _transport(port: int, home: Path) -> MailTransport:
    url = f"smtp://127.0.0.1:{port}"
    return transport_of(Settings(mail="smtp", smtp_url=url, home=home, secret_key="bench"))


def _by_transport(transport: MailTransport, number: int) -> None:
    attempt_id = UUID(int=number).hex
    person, address = mails.person(number), mails.address(number)
    own = mails.addressed(number, person, address, attempt_id)
    envelope = Envelope(
        attempt_id=attempt_id,
        name=f"m{number}-g1",
        mail_from=_SENDER,
        rcpt_to=address,
        raw=_SKELETON.message(person, mails.head(utc_now()), own),
    )
    deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + 30
    result = transport.send(envelope, deadline)
    if result.outcome is not Outcome.ACCEPTED:
        raise Conflict(f"The sink did not take a mail: {result.code} {result.detail}")


def _by_email_message(client: smtplib.SMTP, number: int) -> None:
    """As most programs do it: values filled in, then a message built of them."""
    person = mails.person(number)
    html = _SKELETON.html(person, mails.TOKEN_OF_NOBODY)
    text = _SKELETON.text(person, mails.TOKEN_OF_NOBODY)
    client.send_message(email_message(number, _SKELETON.subject(person), html, text))


def email_message(number: int, subject: str, html: str, text: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    attempt_id = UUID(int=number).hex
    mail["From"] = f"{_HEAD.from_name} <{_HEAD.from_address}>"
    mail["To"] = f"Ada {number} Lovelace <{mails.address(number)}>"
    mail["Subject"] = subject
    mail["Reply-To"] = _HEAD.reply_to
    mail["Message-ID"] = f"<m{number}-g1.{attempt_id}@{_HEAD.message_domain}>"
    mail["List-Unsubscribe"] = f"<{_HEAD.unsubscribe_url}{mails.TOKEN_OF_NOBODY}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(text)
    mail.add_alternative(html, subtype="html")
    return mail

"""`tpma bench`: ratios measured side by side in one run, against the goals of docs/delivery.md.

An absolute figure does not travel from one machine to the next; how much one way costs against
another does. Costs are CPU seconds of this process, so that a busy machine disturbs little.
"""

import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import UUID

import click

from tpma.cli import smtp_sink
from tpma.core.clock import utc_now
from tpma.core.errors import Conflict
from tpma.core.settings import Settings
from tpma.ports.mail import Envelope, MailTransport, Outcome
from tpma.rendering.facts import Person
from tpma.rendering.headers import MailHeaders
from tpma.rendering.skeleton import TOKEN, MailSkeleton
from tpma.wiring import transport_of

_GOAL = 2.0  # mails per CPU second, against smtplib and EmailMessage
_DOMAIN = "mail.tpma.example"
_TOKEN = "A" * 24


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: mails per CPU second, and how often the last one's."""

    name: str
    rate: float
    ratio: float


@click.command()
@click.option("--mails", default=300, show_default=True, help="Mails a round.")
@click.option("--rounds", default=5, show_default=True, help="Rounds; the median counts.")
def bench(mails: int, rounds: int) -> None:
    """Measure the way out by SMTP against Python's smtplib, on this machine alone."""
    ours, bytes_only, plain = smtp(mails, rounds)
    for row in (ours, bytes_only, plain):
        click.echo(f"{row.rate:9,.0f} mails per CPU second  {row.ratio:5.1f}x  {row.name}")
    if ours.ratio < _GOAL:
        raise Conflict(f"SMTP reaches {ours.ratio:.1f}x; the goal is {_GOAL:.0f}x.")


def smtp(mails: int, rounds: int) -> tuple[Row, Row, Row]:
    """Rounds take turns, so that a slow minute slows all three alike."""
    with _sink() as port, TemporaryDirectory() as home:
        transport = _transport(port, Path(home))
        client = smtplib.SMTP("127.0.0.1", port, local_hostname="bench.tpma.example")
        ways: list[tuple[str, Callable[[int], None]]] = [
            ("mail_smtp, frozen mail", lambda n: _by_transport(transport, n)),
            ("smtplib, the same bytes", lambda n: _by_smtplib(client, n)),
            ("smtplib, EmailMessage", lambda n: _by_email_message(client, n)),
        ]
        costs = [[_cost(way, mails) for _name, way in ways] for _round in range(rounds)]
        client.quit()
    rates = [mails / median(column) for column in zip(*costs, strict=True)]
    ours, bytes_only, plain = (
        Row(name, rate, rate / rates[-1]) for (name, _way), rate in zip(ways, rates, strict=True)
    )
    return ours, bytes_only, plain


def _cost(way: Callable[[int], None], mails: int) -> float:
    before = time.process_time()
    for number in range(mails):
        way(number)
    return time.process_time() - before


def _transport(port: int, home: Path) -> MailTransport:
    url = f"smtp://127.0.0.1:{port}"
    return transport_of(Settings(mail="smtp", smtp_url=url, home=home, secret_key="bench"))


def _by_transport(transport: MailTransport, number: int) -> None:
    attempt_id = UUID(int=number).hex
    envelope = Envelope(
        attempt_id=attempt_id,
        name=f"m{number}-g1",
        mail_from=f"campaigns@bench.{_DOMAIN}",
        rcpt_to=f"reader{number}@reader.example",
        raw=_SKELETON.message(_person(number), _TOKEN, _headers(number, attempt_id, utc_now())),
    )
    deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + 30
    result = transport.send(envelope, deadline)
    if result.outcome is not Outcome.ACCEPTED:
        raise Conflict(f"The sink did not take a mail: {result.code} {result.detail}")


def _by_smtplib(client: smtplib.SMTP, number: int) -> None:
    attempt_id = UUID(int=number).hex
    raw = _SKELETON.message(_person(number), _TOKEN, _headers(number, attempt_id, utc_now()))
    client.sendmail(f"campaigns@bench.{_DOMAIN}", f"reader{number}@reader.example", raw)


def _by_email_message(client: smtplib.SMTP, number: int) -> None:
    """As most programs do it: values filled in, then a message built of them."""
    person = _person(number)
    mail = EmailMessage(policy=SMTP)
    headers = _headers(number, UUID(int=number).hex, utc_now())
    mail["From"] = f"{headers.from_name} <{headers.from_address}>"
    mail["To"] = f"{headers.to_name} <{headers.to_address}>"
    mail["Subject"] = _SKELETON.subject(person)
    mail["Reply-To"] = headers.reply_to
    mail["Message-ID"] = headers.message_id
    mail["List-Unsubscribe"] = f"<{headers.unsubscribe_url}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(_SKELETON.text(person, _TOKEN))
    mail.add_alternative(_SKELETON.html(person, _TOKEN), subtype="html")
    client.send_message(mail)


def _person(number: int) -> Person:
    return Person(f"Ada {number}", "Lovelace", "Analytical Engines", "GB")


def _headers(number: int, attempt_id: str, now: datetime) -> MailHeaders:
    return MailHeaders(
        from_name="Brightline",
        from_address=f"campaigns@bench.{_DOMAIN}",
        reply_to="dana@brightline.example",
        to_name=f"Ada {number} Lovelace",
        to_address=f"reader{number}@reader.example",
        message_id=f"<m{number}@{_DOMAIN}>",
        date=now,
        list_id=f"Brightline <brightline.helio.{_DOMAIN}>",
        unsubscribe_url=f"https://tpma.example/u/{_TOKEN}",
        unsubscribe_mailto="",
        feedback_id="HC-SEC-7K3M9QA:brightline:helio:tpma",
        code="HC-SEC-7K3M9QA",
        attempt_id=attempt_id,
    )


def _mail_of_thirty_kilobytes() -> MailSkeleton:
    row = (
        '<tr><td style="padding:16px;font:16px/1.5 system-ui">Branch offices are rarely renewed '
        'all at once; we check every one.</td></tr>\r\n'
    )  # fmt: skip
    link = '<a href="https://tpma.example/c/'
    html = (
        "<!doctype html><html><body><table>" + row * 100 + "<p>Hello ",
        "person.first_name",
        "</p>" + row * 60 + link,
        TOKEN,
        'A">Book the check</a>' + row * 40 + "</table></body></html>",
    )
    text = ("Hello ", "person.first_name", ",\n" + "We check every office you have.\n" * 60)
    return MailSkeleton(
        asset="bench",
        locale="en",
        subject_runs=("An offer for ", "person.company", ""),
        html_runs=html,
        text_runs=text,
        fallbacks={},
        footers={"": ("", "")},
    )


_SKELETON = _mail_of_thirty_kilobytes()


@contextmanager
def _sink() -> Iterator[int]:
    """The port of a server that takes everything; it ends with its standard input."""
    with subprocess.Popen(
        [sys.executable, str(smtp_sink.__file__)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()

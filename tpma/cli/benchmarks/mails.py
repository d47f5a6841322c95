"""The mail that is measured: 30 KB of HTML, ten links, a text part, three personal fields."""

from datetime import datetime
from uuid import UUID

from tpma.rendering.facts import Person
from tpma.rendering.headers import Addressed, Letterhead
from tpma.rendering.skeleton import MailSkeleton
from tpma.rendering.wire import TOKEN

DOMAIN = "mail.tpma.example"
TOKEN_OF_NOBODY = "A" * 24
LINKS = 10
_ROW = (
    '<tr><td style="padding:16px;font:16px/1.5 system-ui">Branch offices are rarely renewed '
    'all at once; we check every one.</td></tr>\r\n'
)  # fmt: skip
_LINK = ('<tr><td><a href="https://tpma.example/c/', '">Book the check</a></td></tr>\r\n')


def skeleton() -> MailSkeleton:
    html = ["<!doctype html><html><body><table>" + _ROW * 20 + "<p>Hello ", "person.first_name"]
    html.append(" of ")
    html.append("person.company")
    rest = "</p>"
    for number in range(LINKS):
        html += [rest + _ROW * 20 + _LINK[0], TOKEN]
        rest = chr(65 + number) + _LINK[1]
    html.append(rest + "</table></body></html>")
    text = ("Hello ", "person.first_name", ",\n" + "We check every office you have.\n" * 60)
    return MailSkeleton(
        asset="email1",
        locale="en",
        subject_runs=("An offer for ", "person.company", ""),
        html_runs=tuple(html),
        text_runs=text,
        fallbacks={},
        footers={"": ("", "")},
    )


def person(number: int) -> Person:
    return Person(f"Ada {number}", "Lovelace", "Analytical Engines", "GB")


def head(now: datetime) -> Letterhead:
    return Letterhead(
        from_name="Brightline",
        from_address=f"campaigns@bench.{DOMAIN}",
        reply_to="dana@brightline.example",
        list_id=f"Brightline <brightline.helio.{DOMAIN}>",
        feedback_id="HC-SEC-7K3M9QA:brightline:helio:tpma",
        code="HC-SEC-7K3M9QA",
        unsubscribe_url="https://tpma.example/u/",
        unsubscribe_mailto=f"unsubscribe@{DOMAIN}?subject=",
        message_domain=f"bench.{DOMAIN}",
        date=now,
    )


def address(number: int) -> str:
    return f"reader{number}@reader.example"


def addressed(
    number: int, person: Person, address: str, attempt_id: str, token: str = TOKEN_OF_NOBODY
) -> Addressed:
    name = f"{person.first_name} {person.last_name}"
    return Addressed(name, address, f"m{number}-g1.{attempt_id}", token, attempt_id)


def whole(number: int, now: datetime) -> bytes:
    """A mail that is ready."""
    own = addressed(number, person(number), address(number), UUID(int=number).hex)
    return skeleton().message(person(number), head(now), own)

"""The mail that is measured: 30 KB of HTML, ten links, a text part, three personal fields."""

from datetime import datetime

from tpma.rendering.facts import Person
from tpma.rendering.headers import MailHeaders
from tpma.rendering.skeleton import TOKEN, MailSkeleton

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


def headers(number: int, attempt_id: str, now: datetime) -> MailHeaders:
    return MailHeaders(
        from_name="Brightline",
        from_address=f"campaigns@bench.{DOMAIN}",
        reply_to="dana@brightline.example",
        to_name=f"Ada {number} Lovelace",
        to_address=f"reader{number}@reader.example",
        message_id=f"<m{number}@{DOMAIN}>",
        date=now,
        list_id=f"Brightline <brightline.helio.{DOMAIN}>",
        unsubscribe_url=f"https://tpma.example/u/{TOKEN_OF_NOBODY}",
        unsubscribe_mailto="",
        feedback_id="HC-SEC-7K3M9QA:brightline:helio:tpma",
        code="HC-SEC-7K3M9QA",
        attempt_id=attempt_id,
    )

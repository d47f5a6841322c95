"""The demo's readers: who clicks, asks for the offer or unsubscribes, over HTTP as they would."""

import re
import time
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import func, select

from tpma.app import create_app
from tpma.core.errors import Conflict
from tpma.core.signing import link_character
from tpma.launches.models import Link
from tpma.leads.models import Lead
from tpma.sending.models import OutboxMail
from tpma.system import System

_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36"
_SCANNER = "python-requests/2.32"
_PAUSE = 2.3  # seconds; faster than any person reads, and the bot rules know it
# Who of the star's readers does what.
_CURIOUS = (
    "k.weiss@druckhaus-bruehl.example",
    "m.gross@logistik-nordeifel.example",
    "s.boehm@feinmechanik-juelich.example",
)
_SCANNED = "t.kraemer@pflegeverbund-rhein.example"
_ASKING = {
    "a.schubert@stadtklinik-ahrtal.example": ("Anna", "Schubert", "Stadtklinik Ahrtal"),
    "j.moeller@moebelwerk-siegerland.example": ("Jürgen", "Möller", "Möbelwerk Siegerland"),
}
_LEAVING = "u.jaeger@maschinenbau-solingen.example"
Say = Callable[[str], None]


def visit(system: System, launch_id: UUID, say: Say) -> None:
    """Readers open, click, ask for the offer, unsubscribe; a scanner clicks too."""
    with system.db.reading() as session:
        if session.scalar(select(func.count()).where(Lead.launch_id == launch_id)):
            return
        mails = session.scalars(select(OutboxMail).where(OutboxMail.launch_id == launch_id)).all()
        raw = {mail.recipient: system.mail.stored(mail.provider_id) or b"" for mail in mails}
        button = session.scalars(
            select(Link.number).where(Link.launch_id == launch_id, Link.key == "email1.cta")
        ).one()
    time.sleep(_PAUSE)
    client = create_app(system).test_client()
    for number, address in enumerate(_CURIOUS):
        _click(client, raw[address], button, _BROWSER, f"203.0.113.{number + 1}")
        say(f"{address} clicks and sees the page in Rheinwerk's colours")
    _click(client, raw[_SCANNED], button, _SCANNER, "198.51.100.9")
    say("A mail scanner clicks too: kept, marked, not counted")
    for address, (first, last, company) in _ASKING.items():
        _ask(client, raw[address], button, address, (first, last, company))
        say(f"{first} {last} of {company} asks for the edge check: a lead, with code and consent")
    _unsubscribe(client, raw[_LEAVING])
    say(f"{_LEAVING} unsubscribes by one click: never written to again")


def _click(client: FlaskClient, raw: bytes, number: int, agent: str, address: str) -> Any:
    """Follow a signed link of a mail, by its number in the launch."""
    body = message_from_bytes(raw, policy=default).get_body(("plain",))
    links = re.findall(r"https?://\S+(/c/[\w-]{25})", body.get_content() if body else "")
    target = next(path for path in links if path[-1] == link_character(number))
    answer = client.get(target, headers={"User-Agent": agent}, environ_base=_from(address))
    if answer.status_code != 302:
        raise Conflict(f"A click was answered with {answer.status_code}.")
    return answer


def _from(address: str) -> dict[str, str]:
    return {"REMOTE_ADDR": address}


def _ask(
    client: FlaskClient, raw: bytes, number: int, email: str, person: tuple[str, str, str]
) -> None:
    """Follow the link to the page, read it, fill in the form."""
    headers, where = {"User-Agent": _BROWSER}, _from("203.0.113.77")
    location = _click(client, raw, number, _BROWSER, "203.0.113.77").headers["Location"]
    parts = urlsplit(location)
    page = client.get(
        f"{parts.path}?{parts.query}", headers=headers, environ_base=where, follow_redirects=True
    )
    html = page.get_data(as_text=True)
    action = re.search(r'<form[^>]*action="([^"]+)"', html)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))
    if page.status_code != 200 or action is None:
        raise Conflict(f"The landing page was answered with {page.status_code}.")
    options = re.findall(r'<option value="([^"]+)"', html)
    answers = {
        "given_name": person[0],
        "family_name": person[1],
        "company": person[2],
        "email": email,
        "sites": options[1] if len(options) > 1 else "",
        "consent_partner_marketing": "1",
        "consent_share_with_vendor": "1",
    }
    time.sleep(_PAUSE)
    path = urlsplit(action[1].replace("&amp;", "&")).path
    posted = client.post(path, data=hidden | answers, headers=headers, environ_base=where)
    if posted.status_code not in {200, 303}:
        raise Conflict(f"The form was answered with {posted.status_code}.")


def _unsubscribe(client: FlaskClient, raw: bytes) -> None:
    """What a mail programme's own button does (RFC 8058)."""
    found = re.search(rb"List-Unsubscribe: <([^>]+)>", raw)
    if found is None:
        raise Conflict("A mail has no List-Unsubscribe header.")
    path = urlsplit(found[1].decode()).path
    answer = client.post(path, data={"List-Unsubscribe": "One-Click"})
    if answer.status_code != 200:
        raise Conflict(f"The one-click unsubscribe was answered with {answer.status_code}.")

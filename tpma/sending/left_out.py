"""Who is left out of a launch for what they agreed to, one by one, with the cure. Reads only.

Nobody is named for being on a list: the vendor's is not shown to partners, and the partner's own
has a page. `audiences.queries.refusals` asks for the vendor's list last, so who is named here says
nothing of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.audiences import queries as audiences
from tpma.audiences.models import Contact
from tpma.core.i18n import country_name, lazy
from tpma.core.i18n import gettext as _
from tpma.core.sheets import Cell
from tpma.launches import service as launches
from tpma.launches.compiling import Drawing
from tpma.sending import planning
from tpma.sending.models import Message, SendState

# Reason → (in words, what brings them in).
WORDS: dict[str, tuple[str, str]] = {
    planning.SKIP_NO_CONSENT: (
        lazy("No lawful basis"),
        lazy("Write down how they agreed, or ask them to sign up on your page."),
    ),
    planning.SKIP_NOT_OPTED_IN: (
        lazy("Did not sign up themselves"),
        lazy("Ask them to sign up on your page."),
    ),
    "CONS-01": (
        lazy("Their basis carries no mail in their country"),
        lazy("There they have to agree themselves: ask them to sign up on your page."),
    ),
    "CONS-02": (
        lazy("Never confirmed by mail, as their country asks"),
        lazy("Ask them to sign up on your page; the mail they get asks them to confirm."),
    ),
    "CONS-03": (
        lazy("Purchase or inquiry too long ago"),
        lazy("Bring the day of their last purchase, or ask them to sign up on your page."),
    ),
    "CONS-04": (
        lazy("From a list that was bought or rented"),
        lazy("Nothing but their own sign-up brings them in."),
    ),
    "CONS-05": (
        lazy("Country unknown, and the strictest of your markets is not met"),
        lazy("Fill in their country, or ask them to sign up on your page."),
    ),
    "CONS-06": (
        lazy("From the vendor, without a basis in writing"),
        lazy("Ask the vendor for the contract the addresses came with, and import them again."),
    ),
    "CONS-07": (
        lazy("Agreed over two years ago, and never got a mail"),
        lazy("Ask them to sign up on your page: nobody remembers a yes that old."),
    ),
}
SHOWN = 200  # people on one page; the file has all


@dataclass(frozen=True, slots=True)
class Person:
    contact_id: Any
    name: str
    email: str
    country: str  # ISO 3166-1, "" if unknown


@dataclass(frozen=True, slots=True)
class Group:
    """Everybody left out for one reason; `people` are the first of them by address."""

    reason: str
    words: str
    cure: str
    total: int
    people: list[Person]


def groups(session: Session, plan: Drawing, now: datetime) -> list[Group]:
    """Largest first."""
    found = _people(session, plan, now).subquery()
    rows = session.execute(select(found.c.reason, func.count()).group_by(found.c.reason))
    totals = audiences.summed((reason, number) for reason, number in rows)
    return [_group(session, found, reason, number) for reason, number in totals.items()]


def _group(session: Session, found: Any, reason: str, total: int) -> Group:
    some = select(found).where(found.c.reason == reason).order_by(found.c.email_norm).limit(SHOWN)
    people = [_person(row) for row in session.execute(some)]
    words, cure = WORDS[reason]
    return Group(reason, _(words), _(cure), total, people)


def _person(row: Any) -> Person:
    name = " ".join(part for part in (row.given_name, row.family_name) if part)
    return Person(row.id, name, row.email, row.country)


def lines(session: Session, plan: Drawing, now: datetime) -> Iterator[list[Cell]]:
    """The same people as a sheet, head first, as they are read."""
    yield [_("E-mail"), _("Name"), _("Country"), _("Rule"), _("Left out because"), _("Cure")]
    found = _people(session, plan, now).subquery()
    in_order = select(found).order_by(found.c.reason, found.c.email_norm)
    for row in session.execute(in_order.execution_options(yield_per=500)):
        person, (words, cure) = _person(row), WORDS[row.reason]
        country = country_name(person.country) if person.country else ""
        yield [person.email, person.name, country, row.reason, _(words), _(cure)]


def _people(session: Session, plan: Drawing, now: datetime) -> Any:
    """Of a draft, whom planning would leave out now; else whom it left out, or the commit of a
    mail did."""
    launch = plan.launch
    shown = (
        Contact.id,
        Contact.email,
        Contact.email_norm,
        Contact.given_name,
        Contact.family_name,
        Contact.country,
    )
    if launches.is_editable(launch):
        law = audiences.problem(session, launch.tenant_id, now)
        fate = audiences.held_back(launch.vendor_id, law=law).label("reason")
        chosen = select(*shown, fate).where(*planning.audience(session, launch)).subquery()
        return select(chosen).where(chosen.c.reason.in_(list(WORDS)))
    return (
        select(*shown, Message.reason.label("reason"))
        .join(Message, Message.contact_id == Contact.id)
        .where(
            Message.launch_id == launch.id,
            Message.tenant_id == launch.tenant_id,
            Contact.tenant_id == launch.tenant_id,
            Message.step == 1,
            Message.send_state == SendState.SKIPPED,
            Message.reason.in_(list(WORDS)),
        )
    )

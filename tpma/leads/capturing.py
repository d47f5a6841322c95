"""Posted forms become leads: any number in one transaction, and each as if it had come alone.

What is the same for several forms is read once, and each kind of row is written by one statement.
Where forms meet (a button pressed twice, one person's second form) they are looked at in the order
they came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from tpma.audiences import service as audiences
from tpma.audiences.models import Contact
from tpma.audiences.values import country_code
from tpma.core.bulk import insert_rows, new_rows
from tpma.core.db import clock_of
from tpma.core.errors import Conflict, NotFound, TpmaError
from tpma.core.signing import Signer
from tpma.core.text import Address, registrable_domain
from tpma.identity.service import Change, record_all
from tpma.leads import consents, deadlines, notices, queries, thanks
from tpma.leads.models import Lead, LeadState
from tpma.leads.places import Place, places
from tpma.leads.rules import Window
from tpma.pages import queries as pages
from tpma.pages import taking
from tpma.pages.models import PageState
from tpma.pages.rules import READER, FormFault
from tpma.pages.taking import Posted, Taken
from tpma.sending import following
from tpma.tracking import counting
from tpma.tracking import queries as tracking
from tpma.tracking import service as events
from tpma.tracking.hits import Hit
from tpma.tracking.models import EventType, Verdict
from tpma.tracking.rules import Ruling, Visit

_MACHINE = Ruling(Verdict.BOT, "BOT-11")
_PERSON = Ruling(Verdict.HUMAN, "BOT-11")


class PageClosed(Conflict):
    """The page was there, and takes no forms any more."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was posted to the address of a page; `host` is the partner's own, if it came by one."""

    slug: str
    locale: str
    values: Mapping[str, str]
    visit: Visit
    request_id: str = ""
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Captured:
    """`lead_id` is None for spam, and for the second click of a double click."""

    launch_id: UUID
    lead_id: UUID | None = None


@dataclass(slots=True)
class _Sent:
    """A form that is new, on its way to being a lead."""

    form: Form
    place: Place
    taken: Taken
    contact: Contact = field(init=False)
    country: str = field(init=False)  # ISO 3166-1
    lead: dict[str, Any] = field(init=False)

    @property
    def address(self) -> Address:
        address = self.taken.answers.address
        assert address is not None, "every kit's form asks for an e-mail address"
        return address

    @property
    def person(self) -> tuple[UUID, str]:
        return self.place.partner.id, self.address.norm


def capture_all(
    session: Session, signer: Signer, base_url: str, forms: Sequence[Form]
) -> list[Captured | TpmaError]:
    """Everything forms give rise to: submissions, events, contacts, consents, leads, notices.

    For each what became of it: NotFound where no page is, PageClosed, or FormFault; of those
    nothing is written.
    """
    found = places(session, {form.slug for form in forms})
    results: dict[int, Captured | TpmaError] = {}
    posted: dict[int, Posted] = {}
    readers = tracking.readers(session, signer, _tokens(found, forms))
    for number, form in enumerate(forms):
        try:
            posted[number] = _posted(session, found.get(form.slug), form, readers)
        except TpmaError as error:
            results[number] = error
    new: dict[int, _Sent] = {}
    taken = taking.take(session, signer, list(posted.values()))
    for number, one in zip(posted, taken, strict=True):
        form = forms[number]
        if isinstance(one, FormFault):
            results[number] = one
            continue
        results[number] = Captured(one.posted.launch.id)
        if one.is_new:
            new[number] = _Sent(form, found[form.slug], one)
    people = [sent for sent in new.values() if not sent.taken.is_spam]
    _meet(session, signer, people)
    _write_events(session, list(new.values()))
    _follow(session, signer, base_url, people)
    for number, sent in new.items():
        if not sent.taken.is_spam:
            results[number] = Captured(sent.place.launch.id, sent.lead["id"])
    return [results[number] for number in range(len(forms))]


def _tokens(found: Mapping[str, Place], forms: Sequence[Form]) -> set[tuple[UUID, str]]:
    """Launches and the marks of readers that forms of theirs carry."""
    return {
        (found[form.slug].seen.launch_id, token)
        for form in forms
        if form.slug in found and (token := form.values.get(READER, ""))
    }


def _posted(
    session: Session,
    place: Place | None,
    form: Form,
    readers: Mapping[tuple[UUID, str], int],
) -> Posted:
    """The form on its page. Raises NotFound for no such page or language, PageClosed, and
    FormFault where it names a mail that is none of the launch."""
    if place is None or form.locale not in place.shelf.editions.hashes:
        raise NotFound("There is no page in this language.")
    if form.host not in (None, place.launch.link_host):
        raise NotFound("There is nothing here.")
    if place.seen.state is PageState.DRAFT:
        raise NotFound("There is no page at this address.")
    if not place.seen.is_open(clock_of(session)()):
        raise PageClosed("This page takes no forms any more.")
    token = form.values.get(READER, "")
    message_id = readers.get((place.seen.launch_id, token))
    if token and message_id is None:
        raise FormFault(form.locale, {}, stale=True)
    return Posted(
        place.shelf.page,
        place.launch,
        pages.artifact(session, place.shelf.editions, form.locale),
        form.locale,
        form.values,
        {"partner": place.partner.legal_name, "vendor": place.vendor},
        message_id,
    )


def _meet(session: Session, signer: Signer, people: Sequence[_Sent]) -> None:
    """The persons, found or new, and locked; each form fills what is still empty, in turn."""
    met = [_met(sent) for sent in people]
    contacts = audiences.contacts_of(session, signer, met)
    for sent, one, contact in zip(people, met, contacts, strict=True):
        audiences.fill(contact, one.known)
        sent.contact = contact
        # As answered, else as we know the person, else the partner's own.
        sent.country = one.known["country"] or contact.country or sent.place.partner.country
        sent.lead = _lead_of(sent)


def _met(sent: _Sent) -> audiences.Met:
    columns = sent.taken.answers.columns
    fields = ("given_name", "family_name", "title", "phone", "company")
    known = {name: columns.get(name, "") for name in fields}
    known["country"] = country_code(columns.get("country", ""))
    known["locale"] = sent.form.locale
    code = sent.place.launch.campaign_code
    return audiences.Met(sent.place.partner.id, sent.address, "form", code, known)


def _lead_of(sent: _Sent) -> dict[str, Any]:
    """What a lead has of its form and its person."""
    posted, contact, launch = sent.taken.posted, sent.contact, sent.place.launch
    columns, address = sent.taken.answers.columns, sent.address
    return {
        "tenant_id": sent.place.partner.id,
        "vendor_id": launch.vendor_id,
        "enrolment_id": launch.enrolment_id,
        "launch_id": launch.id,
        "campaign_code": launch.campaign_code,
        "submission_id": sent.taken.id,
        "contact_id": contact.id,
        "given_name": columns.get("given_name") or contact.given_name,
        "family_name": columns.get("family_name") or contact.family_name,
        "email": address.shown,
        "email_norm": address.norm,
        "phone": columns.get("phone", ""),
        "title": columns.get("title") or contact.title,
        "company": columns.get("company") or contact.company,
        "company_domain": registrable_domain(address.domain) or "",
        "country": sent.country,
        "language": sent.form.locale,
        "answers": sent.taken.answers.own(posted.artifact.form),
        "share_with_vendor": consents.shared(sent.taken),
        "declined_reason": "",
        "declined_note": "",
    }


def _write_events(session: Session, new: Sequence[_Sent]) -> None:
    """A submission is new, and so is its event; nothing else has its key."""
    for is_spam, ruling in ((False, _PERSON), (True, _MACHINE)):
        some = [sent for sent in new if sent.taken.is_spam is is_spam]
        if some:
            events.write(
                session,
                [_hit(sent) for sent in some],
                counting.own_shard(),
                ruling=ruling,
                own=[_own(sent) for sent in some],
            )


def _hit(sent: _Sent) -> Hit:
    message_id = sent.taken.posted.message_id
    return Hit(EventType.FORM_SUBMIT, sent.form.visit, sent.place.launch.id, message_id)


def _own(sent: _Sent) -> dict[str, Any]:
    own = {} if sent.taken.is_spam else {"contact_id": sent.contact.id}
    return {**own, "dedupe_key": sent.taken.key}


def _follow(session: Session, signer: Signer, base_url: str, people: Sequence[_Sent]) -> None:
    """What a person's form brings about."""
    if not people:
        return
    given = [
        consents.Given(s.taken, s.contact, s.country, s.form.visit, s.place.partner) for s in people
    ]
    questions = consents.keep(session, signer, base_url, given)
    _write_leads(session, people)
    following.submitted(session, [_submitted(sent) for sent in people])
    routed = [sent for sent in people if sent.lead["state"] is LeadState.ROUTED]
    news = [notices.News(sent.place.launch.name, sent.lead) for sent in routed]
    told = notices.announce(session, news, base_url)
    shown = [thanks.Page(sent.place, sent.form.locale, sent.lead) for sent in routed]
    thanked = thanks.answer(session, signer, base_url, shown)
    notices.queue(session, questions | told | thanked)


def _submitted(sent: _Sent) -> following.Submitted:
    address = sent.contact.hmac
    assert address is not None, "who just typed an address is not erased"
    message_id = sent.taken.posted.message_id
    return following.Submitted(sent.place.launch, address, message_id, sent.form.visit.at)


def _write_leads(session: Session, people: Sequence[_Sent]) -> None:
    """Those whose person has an open lead, or gets one by a form before, are added to that."""
    now = clock_of(session)()
    originals = queries.open_leads(session, {sent.person for sent in people}, now)
    windows: dict[UUID, Window] = {}
    for sent, row in zip(people, new_rows(session, len(people)), strict=True):
        window = windows.get(sent.place.launch.id) or _window(sent.place, now)
        windows[sent.place.launch.id] = window
        original = originals.setdefault(sent.person, row["id"])
        is_first = original == row["id"]
        sent.lead |= row | {
            "state": LeadState.ROUTED if is_first else LeadState.DUPLICATE,
            "duplicate_of_id": None if is_first else original,
            "due_at": window.due,
            "remind_at": window.warning if is_first else None,
        }
    insert_rows(session, Lead, [sent.lead for sent in people])
    repeated = [sent.taken.id for sent in people if sent.lead["state"] is LeadState.DUPLICATE]
    taking.mark_duplicates(session, repeated)
    record_all(session, None, Lead, "lead.created", [_change(sent) for sent in people])


def _window(place: Place, now: datetime) -> Window:
    return deadlines.window(now, place.partner.timezone, place.partner.country, place.holidays)


def _change(sent: _Sent) -> Change:
    detail = {"code": sent.lead["campaign_code"], "state": sent.lead["state"].value}
    return Change(sent.place.partner.id, sent.lead["id"], detail, sent.form.request_id)

"""A registration in words: headlines, stages, evidence, what happened. For both doors."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from babel.dates import format_skeleton
from sqlalchemy.orm import Session

from tpma.core.i18n import babel_locale, current_zone, lazy, ngettext
from tpma.core.i18n import gettext as _
from tpma.deals import rules
from tpma.deals.models import DealRegistration, DealState
from tpma.identity.models import Organisation, User
from tpma.kits.shown import family_word
from tpma.leads import rules as answers

_DID: dict[str, tuple[str, str]] = {  # event → sentence of our own, sentence of theirs
    "submitted": (lazy("Submitted, complete"), lazy("Submitted, complete")),
    "queued": (lazy("Waits: the account is protected"), lazy("Waits: the account is protected")),
    "promoted": (lazy("The account is free again"), lazy("The account is free again")),
    "taken": (lazy("In review"), lazy("The deal desk looks at it")),
    "asked": (lazy("Question sent"), lazy("The deal desk asked a question")),
    "answered": (lazy("Question answered"), lazy("The partner answered")),
    "lapsed": (lazy("Ended without an answer"), lazy("Ended without an answer")),
    "late": (lazy("Not answered in time"), lazy("Not answered in time")),
    "auto_approved": (
        lazy("Approved at once by a rule of the programme"),
        lazy("Approved at once by a rule of the programme"),
    ),
    "approved": (lazy("Approved"), lazy("Approved: the account is protected")),
    "rejected": (lazy("Declined"), lazy("Declined")),
    "expired": (lazy("Protection ended"), lazy("Protection ended")),
    "withdrawn": (lazy("Withdrawn"), lazy("The partner withdrew it")),
    "won": (lazy("Won"), lazy("The partner won the deal")),
    "lost": (lazy("Lost"), lazy("The partner lost the deal")),
    "stage": (lazy("Stage changed"), lazy("The partner changed the stage")),
}


def did(event: str, ours: bool) -> str:
    return _(_DID[event][0 if ours else 1])


def standing(deal: DealRegistration, now: datetime) -> str:
    """How it stands with the desk's answer, "" where none is owed; the same for both sides."""
    if deal.state not in rules.WAITING or deal.answer_due_at is None:
        return ""
    return answers.standing(deal.remind_at, deal.answer_due_at, now).value


def short_day(value: date | datetime) -> str:
    """Month and day as this reader orders them: "Jun 30", "30. Juni"."""
    local = value.astimezone(current_zone()) if isinstance(value, datetime) else value
    return str(format_skeleton("MMMd", local, locale=babel_locale()))


def reason_word(code: str) -> str:
    return _(rules.REASONS[code]) if code else ""


def open_stages() -> list[tuple[str, str]]:
    return [
        (s.value, _(word)) for s, (word, _chance) in rules.STAGES.items() if s not in rules.CLOSED
    ]


def all_stages() -> list[tuple[str, str, int]]:
    return [(s.value, _(word), chance) for s, (word, chance) in rules.STAGES.items()]


def note_kinds() -> list[tuple[str, str]]:
    return [(key, _(word)) for key, word in rules.EVIDENCE.items() if key != rules.FORM_SUBMISSION]


@dataclass(frozen=True, slots=True)
class Piece:
    kind: str
    dated: date
    note: str


def evidence(deal: DealRegistration) -> list[Piece]:
    return [
        Piece(_(rules.EVIDENCE[item["type"]]), date.fromisoformat(item["dated"]), item["note"])
        for item in rules.items(deal.evidence)
    ]


def products(deal: DealRegistration) -> str:
    return ", ".join(family_word(family) for family in deal.product_families)


def submitter(session: Session, deal: DealRegistration) -> str:
    found = session.get(User, deal.submitted_by) if deal.submitted_by else None
    return found.name if found else ""


def headline(deal: DealRegistration, vendor: Organisation) -> str:
    """What there is to know first, as a sentence."""
    said = {
        DealState.DRAFT: _("Not submitted yet"),
        DealState.QUEUED: _("Waits in line: the account is protected for now"),
        DealState.ACTION_REQUIRED: _("%(vendor)s asks you something", vendor=vendor.trading_name),
        DealState.APPROVED: _("%(account)s is protected for you", account=deal.account_name),
        DealState.REJECTED: _("%(vendor)s declined it", vendor=vendor.trading_name),
        DealState.EXPIRED: _("The protection has ended"),
        DealState.WITHDRAWN: _("You took this registration back"),
        DealState.WON: _("%(account)s is won", account=deal.account_name),
        DealState.LOST: _("%(account)s is lost", account=deal.account_name),
    }
    return said.get(deal.state, _("%(vendor)s looks at it", vendor=vendor.trading_name))


def summary(deals: Iterable[DealRegistration]) -> str:
    """The title of the partner's list: what waits, else what is protected."""
    states = Counter(deal.state for deal in deals)
    asked = states[DealState.ACTION_REQUIRED]
    protected = states[DealState.APPROVED]
    waiting = states[DealState.SUBMITTED] + states[DealState.IN_REVIEW] + states[DealState.QUEUED]
    if asked:
        return ngettext(
            "%(num)s registration needs your answer",
            "%(num)s registrations need your answer",
            asked,
        )
    if protected:
        return ngettext(
            "%(num)s account is protected for you",
            "%(num)s accounts are protected for you",
            protected,
        )
    if waiting:
        return ngettext(
            "%(num)s registration is on its way",
            "%(num)s registrations are on their way",
            waiting,
        )
    return _("Register a lead, protect the account")

"""The life of a mail in words: what we did, what came back, what its reader did."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from babel.dates import format_time

from tpma.core.i18n import babel_locale, current_zone, lazy
from tpma.core.i18n import gettext as _
from tpma.sending.acting import Seen
from tpma.sending.mailbox import Kept
from tpma.sending.models import FactKind

_FACTS: dict[FactKind, tuple[str, str]] = {
    FactKind.ACCEPTED: ("f", lazy("Handed over")),
    FactKind.DELIVERED: ("f", lazy("Delivered")),
    FactKind.DELAYED: ("", lazy("Delayed by the other side")),
    FactKind.BOUNCED_HARD: ("", lazy("Bounced, address closed")),
    FactKind.BOUNCED_SOFT: ("", lazy("Bounced for now")),
    FactKind.COMPLAINED: ("", lazy("Complained, address closed")),
    FactKind.REJECTED: ("", lazy("Rejected")),
    FactKind.UNSUBSCRIBED: ("", lazy("Unsubscribed")),
}
_DEEDS = {
    "open": lazy("Opened"),
    "click": lazy("Clicked"),
    "page_view": lazy("Saw the page"),
    "form_submit": lazy("Sent the form"),
    "download": lazy("Downloaded"),
}
_OUTCOMES = {
    "accepted": "",
    "not_sent": lazy("not sent, back in the queue"),
    "refused": lazy("refused"),
    "maybe": lazy("no clear answer"),
}


@dataclass(frozen=True, slots=True)
class Moment:
    at: datetime
    mark: str  # class of its dot: "f" good, "g" the reader, "" neither
    words: str
    note: str = ""

    @property
    def clock(self) -> str:
        return str(format_time(self.at, "medium", tzinfo=current_zone(), locale=babel_locale()))


def life(mail: Kept, seen: Sequence[Seen]) -> list[Moment]:
    """Newest first; what happened in one moment stays in the order of its making."""
    everything = [*_attempts(mail), *_facts(mail), *_deeds(seen)]
    return sorted(everything, key=lambda one: one.at)[::-1]


def _attempts(mail: Kept) -> Iterable[Moment]:
    for attempt in mail.attempts:
        told = _OUTCOMES.get(attempt.outcome or "", "")
        note = " ".join(filter(None, (_(told) if told else "", attempt.code)))
        yield Moment(attempt.started_at, "", _("Claimed, attempt %(n)s", n=attempt.n), note)


def _facts(mail: Kept) -> Iterable[Moment]:
    for fact in mail.facts:
        mark, words = _FACTS[fact.kind]
        yield Moment(fact.at, mark, _(words), fact.detail)


def _deeds(seen: Iterable[Seen]) -> Iterable[Moment]:
    """An unsubscribe is a fact already; machines are told apart from people."""
    for one in seen:
        if one.kind not in _DEEDS:
            continue
        if one.verdict == "human":
            yield Moment(one.at, "g", _(_DEEDS[one.kind]), one.link_key)
        else:
            note = " ".join(filter(None, (one.link_key, one.verdict, one.rule)))
            words = _("%(deed)s by a machine, not counted", deed=_(_DEEDS[one.kind]))
            yield Moment(one.at, "", words, note)

"""What may be taken of a posted form, the page's token, and the signs of a machine. Pure."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tpma.core.errors import Invalid
from tpma.core.text import Address, email_address
from tpma.pages.words import said
from tpma.rendering.form import HONEYPOT, Form, checked
from tpma.rendering.page_texts import TOO_LONG

MOST_BODY = 64 * 1024  # bytes of a posted form
LEAST_DWELL = timedelta(seconds=2)  # BOT-11
TOKEN_LIFE = timedelta(days=3)
_FAST_CLOCK = timedelta(minutes=5)  # another server's may be ahead of ours

TOKEN, CODE, READER = "token", "code", "r"
UTM = (
    "utm_id", "utm_campaign", "utm_source", "utm_medium", "utm_content", "utm_term",
    "utm_source_platform",
)  # fmt: skip
_LONGEST_UTM = 120

# Characters a lead's columns hold; other answers are bounded by the form itself.
_LONGEST = {"given_name": 100, "family_name": 100, "phone": 32, "title": 120, "country": 60}
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ADDRESS_IN_NAME = re.compile(r"https?:|www\.|://|\.(com|net|org|ru|top|xyz|click|link)\b", re.I)
_NAMES = frozenset({"given_name", "family_name", "title"})

Chance = Callable[[int], int]
"""Returns that many random bits as an integer."""

_TENTHS, _NONCE_BITS = 10, 20


def token_purpose(launch_id: UUID) -> str:
    """Sixteen characters, so that one launch's token is worth nothing on another's page."""
    return f"page{launch_id.hex[-12:]}"


def token_subject(now: datetime, chance: Chance) -> int:
    """What a page's token names: when it was shown, in tenths of a second, and 20 random bits."""
    return int(now.timestamp() * _TENTHS) << _NONCE_BITS | chance(_NONCE_BITS)


def shown_at(subject: int) -> datetime:
    """When the page of this token was shown. A subject of no possible date is the epoch's."""
    tenths = subject >> _NONCE_BITS
    return datetime.fromtimestamp(min(tenths / _TENTHS, 2**34), UTC)


def is_fresh(shown: datetime, now: datetime) -> bool:
    return -_FAST_CLOCK <= now - shown <= TOKEN_LIFE


class FormFault(Invalid):
    """Fields that must be looked at again: name of the field → key of `page_texts`.

    `stale` says that not an answer is wrong but what the page carries along: its token, the
    campaign code or the reader's mark are missing, changed, foreign or too old.
    """

    def __init__(self, locale: str, faults: Mapping[str, str], *, stale: bool = False) -> None:
        super().__init__(said(locale, "again"), field=next(iter(faults), None))
        self.faults = dict(faults)
        self.stale = stale


@dataclass(frozen=True, slots=True)
class Answers:
    """A form that can be taken: cleaned values by key, and those that are a lead's columns."""

    values: Mapping[str, str]
    columns: Mapping[str, str] = field(default_factory=dict)
    address: Address | None = None

    def own(self, form: Form) -> dict[str, str]:
        """The answers that map to no column, by the question as it was asked."""
        asked = {question.key: question for question in form.questions}
        return {
            asked[key].label: value
            for key, value in self.values.items()
            if value and not asked[key].maps_to
        }


def read(form: Form, posted: Mapping[str, str], locale: str) -> Answers:
    """The answers to the form's questions. Raises FormFault with every fault at once."""
    values = {question.key: cleaned(posted.get(question.key, "")) for question in form.questions}
    faults, addresses = checked(form, values)
    found = _too_long(form, values) | faults
    if found:
        raise FormFault(locale, found)
    columns = {q.maps_to: values[q.key] for q in form.questions if q.maps_to and values[q.key]}
    address = {q.maps_to: addresses[q.key] for q in form.questions if q.key in addresses}
    email = columns.get("email")
    known = address.get("email") or (email_address(email) if email else None)
    return Answers(values, columns, known)


def cleaned(text: str) -> str:
    """Trimmed, NFC, on one line: what could begin a new header or a new line becomes a space."""
    return " ".join(_UNSEEN.sub(" ", unicodedata.normalize("NFC", text)).split())


def _too_long(form: Form, values: Mapping[str, str]) -> dict[str, str]:
    return {
        question.key: TOO_LONG
        for question in form.questions
        if len(values[question.key]) > _LONGEST.get(question.maps_to, len(values[question.key]))
    }


def utm_of(posted: Mapping[str, str]) -> dict[str, str]:
    """The campaign parameters of a visit; whatever else stands in the query is not kept."""
    found = {name: cleaned(posted.get(name, ""))[:_LONGEST_UTM] for name in UTM}
    return {name: value for name, value in found.items() if value}


def spam_signs(form: Form, posted: Mapping[str, str], dwell: timedelta) -> list[str]:
    """Why a form looks like a machine's (BOT-11); empty for a person's."""
    names = [posted.get(q.key, "") for q in form.questions if q.maps_to in _NAMES]
    signs = {
        "honeypot": bool(posted.get(HONEYPOT, "").strip()),
        "too_fast": dwell < LEAST_DWELL,
        "address_in_name": any(_ADDRESS_IN_NAME.search(name) for name in names),
    }
    return [sign for sign, is_seen in signs.items() if is_seen]

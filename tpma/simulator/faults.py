"""Trouble on demand, written into the recipient's local part: `dropafter+7@reader.example`.

A local part is read up to its `+`; words are joined by dots (`t429x2.bounce-noemail`), `xN`
limits a word to the first N submissions of that address. A local part with any word that is not
of the table is a person's and nothing happens to it. The table is in docs/simulator.md.
"""

import re
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from tpma.simulator.chance import uniform
from tpma.simulator.errors import QUOTA, RATE, Refusal, bad_request


class Kind(Enum):
    BEFORE = "before"  # nothing is accepted
    AFTER = "after"  # accepted, the answer is spoilt
    FATE = "fate"  # accepted and answered; what becomes of the mail


DENIALS = {
    "paused": ("SendingPausedException", "Sending paused for this account.", 400),
    "suspended": ("AccountSuspendedException", "The account is suspended.", 400),
    "mailfrom": ("MailFromDomainNotVerifiedException", "MAIL FROM domain is not verified.", 400),
    "unverified": ("MessageRejected", "Email address is not verified.", 400),
    "notfound": ("NotFoundException", "Configuration set does not exist.", 404),
    "limit": ("LimitExceededException", "Limit exceeded.", 400),
    "badrequest": ("BadRequestException", "Illegal address", 400),
    "access": ("AccessDeniedException", "User is not authorized to perform ses:SendEmail", 403),
    "expired": ("ExpiredTokenException", "The security token included is expired", 403),
    "signature": ("InvalidSignatureException", "The request signature does not match.", 403),
    "client": ("UnrecognizedClientException", "The security token included is invalid.", 403),
    "unknown": ("SomethingNewException", "An error this client has never seen.", 400),
}
STATUSES = (
    "message_rejected", "mail_from_domain_not_verified", "configuration_set_not_found",
    "template_not_found", "account_suspended", "account_throttled",
    "account_daily_quota_exceeded", "invalid_sending_pool_name", "account_sending_paused",
    "configuration_set_sending_paused", "invalid_parameter", "transient_failure", "failed",
    "not_in_the_model",
)  # fmt: skip
_SERVER_ERRORS = ("500", "502", "503", "504")
_BEFORE = {
    "dropbefore", "hangbefore", "t429", "quota", "reject", "proxy403", "proxy404",
    *(f"e{status}before" for status in _SERVER_ERRORS),
    *(f"deny-{reason}" for reason in DENIALS),
    *(f"status-{status}" for status in STATUSES),
}  # fmt: skip
_AFTER = {
    "dropafter", "hang", "short200", "html200", "empty200", "shortlist", "longlist",
    *(f"e{status}after" for status in _SERVER_ERRORS),
}  # fmt: skip
_FATES = {
    "bounce", "bounce-general", "bounce-noemail", "bounce-suppressed", "bounce-accountlist",
    "bounce-unsubscribed", "bounce-transient", "bounce-mailboxfull", "bounce-toolarge",
    "bounce-content", "bounce-attachment", "bounce-undetermined", "bounce-late",
    "complain", "complain-abuse", "complain-authfailure", "complain-fraud", "complain-notspam",
    "complain-other", "complain-virus", "complain-accountlist",
    "delay", "delaybounce", "ooto", "virus", "renderfail", "silent", "mute",
}  # fmt: skip
_SLOW = re.compile(r"slow(\d{1,6})")
_COUNTED = re.compile(r"(.+?)x(\d{1,4})")


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    kind: Kind
    first: int | None = None  # only the first so many submissions of an address

    @property
    def slow_seconds(self) -> float:
        found = _SLOW.fullmatch(self.name)
        return int(found[1]) / 1000 if found else 0.0


@lru_cache(maxsize=4096)
def fault(word: str) -> Fault | None:
    """One word of the grammar, or None."""
    kind = _kind(word)
    if kind:
        return Fault(word, kind)
    counted = _COUNTED.fullmatch(word)
    kind = _kind(counted[1]) if counted else None
    return Fault(counted[1], kind, int(counted[2])) if counted and kind else None


def _kind(word: str) -> Kind | None:
    if word in _BEFORE:
        return Kind.BEFORE
    if word in _AFTER or _SLOW.fullmatch(word):
        return Kind.AFTER
    return Kind.FATE if word in _FATES else None


def scripted(address: str) -> tuple[Fault, ...]:
    """What an address asks for; nothing unless every word is of the grammar."""
    local = address.partition("@")[0].partition("+")[0].lower()
    found = [fault(word) for word in local.split(".")]
    return tuple(each for each in found if each) if all(found) else ()


class Faults:
    """Chooses by address and, where shares are set, by chance."""

    def __init__(self, seed: int, rates: dict[str, float]) -> None:
        self.submissions: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.set(seed, rates)

    def set(self, seed: int, rates: dict[str, float]) -> None:
        self._seed = seed
        self._rates: list[tuple[Fault, float]] = []
        for word, share in sorted(rates.items()):
            found = fault(word)
            if found is None:
                raise bad_request(f"faults.rates.{word} is no fault; see docs/simulator.md")
            self._rates.append((found, share))

    def of(self, address: str) -> dict[Kind, Fault]:
        """At most one fault a kind, for this submission of this address."""
        asked = scripted(address)
        if not asked and not self._rates:
            return {}
        nth = self.submissions[address] = self.submissions[address] + 1
        chosen = {
            each.kind: each for each in asked if each.first is None or nth <= each.first
        } or self._by_chance(address, nth)
        for each in chosen.values():
            self.done[each.name] += 1
        return chosen

    def _by_chance(self, address: str, nth: int) -> dict[Kind, Fault]:
        chosen: dict[Kind, Fault] = {}
        drawn = {kind: uniform(self._seed, kind.value, address, nth) for kind in Kind}
        for each, share in self._rates:
            if each.kind not in chosen and drawn[each.kind] < share:
                chosen[each.kind] = each
            drawn[each.kind] -= share
        return chosen


def denial(name: str) -> Refusal | None:
    """The error that a `BEFORE` fault answers with, if it is one of SES's own."""
    if name in ("t429", "quota"):
        return Refusal("TooManyRequestsException", RATE if name == "t429" else QUOTA, 429)
    if name == "reject":
        return Refusal("MessageRejected", "Transaction failed: message content was refused.")
    code, message, status = DENIALS.get(name.removeprefix("deny-"), ("", "", 0))
    return Refusal(code, message, status) if code else None

"""How this room's pages call things."""

from tpma.audiences.lawful import FORGOTTEN
from tpma.audiences.queries import Counts
from tpma.audiences.suppression_words import (
    channels,
    reason_marks,
    reason_sentences,
    suppressed_addresses,
)
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy

__all__ = [
    "bases",
    "channels",
    "left_out",
    "purposes",
    "reason_marks",
    "reason_sentences",
    "sources",
    "states",
    "suppressed_addresses",
]

_PURPOSES = {
    "partner_marketing": lazy("Your own mail"),
    "vendor_marketing": lazy("Mail of the vendor"),
    "share_with_vendor": lazy("Sharing with the vendor"),
}
_BASES = {
    "consent": lazy("They signed up"),
    "soft_opt_in": lazy("Customer who was told they can opt out"),
    "legitimate_interest": lazy("Legitimate interest"),
    "contract": lazy("Part of a contract"),
}
_SOURCES = {
    "import": lazy("A list"),
    "form": lazy("A form"),
    "event": lazy("An event"),
    "api": lazy("Another system"),
    "crm": lazy("Your CRM"),
}
_STATES = {
    "writable": lazy("May write"),
    "held": lazy("Held back"),
    "suppressed": lazy("Opted out"),
}


def left_out(counts: Counts) -> list[tuple[str, int]]:
    """Why people are held back for what they agreed to, and how many each time."""
    forgotten = counts.unlawful.get(FORGOTTEN, 0)
    found = [
        (_("No lawful basis in their country"), counts.held),
        (_("Their consent does not carry mail there"), sum(counts.unlawful.values()) - forgotten),
        (_("Agreed over two years ago, and never got a mail"), forgotten),
        (_("Did not sign up themselves"), counts.not_opted_in),
    ]
    return [(reason, number) for reason, number in found if number]


def purposes() -> dict[str, str]:
    return _said(_PURPOSES)


def bases() -> dict[str, str]:
    return _said(_BASES)


def sources() -> dict[str, str]:
    return _said(_SOURCES)


def states() -> dict[str, str]:
    return _said(_STATES)


def _said(words: dict[str, str]) -> dict[str, str]:
    return {key: _(word) for key, word in words.items()}

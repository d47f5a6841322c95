"""How this room's pages call things."""

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

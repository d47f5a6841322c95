"""How this room's pages call things."""

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, ngettext, number

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
_CHANNELS = {
    "one_click": lazy("unsubscribed in the mail program"),
    "page": lazy("unsubscribed on the page"),
    "told_us": lazy("told you, and you noted it here"),
    "bounce": lazy("the mailbox does not exist"),
    "complaint": lazy("marked a mail as spam"),
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
# reason → tone, icon, word, and the answer to “May you write?”
_REASONS = {
    "unsubscribe": ("", "user-minus", lazy("Unsubscribed"), lazy("No. They unsubscribed.")),
    "hard_bounce": ("ba", "mail-x", lazy("Bounced"), lazy("No. Their mailbox does not exist.")),
    "soft_bounce": (
        "",
        "mail-x",
        lazy("Full or away"),
        lazy("Not for now. Their mailbox sent several mails back."),
    ),
    "complaint": ("ba", "mail-cancel", lazy("Complained"), lazy("No. They complained of a mail.")),
    "manual": ("", "pencil", lazy("Added by you"), lazy("No. You put them on the list.")),
    "erasure": ("", "trash", lazy("Forgotten"), lazy("No. They asked to be forgotten.")),
}


def purposes() -> dict[str, str]:
    return _said(_PURPOSES)


def bases() -> dict[str, str]:
    return _said(_BASES)


def channels() -> dict[str, str]:
    """How a withdrawal reached us; any other text stands for itself."""
    return _said(_CHANNELS)


def sources() -> dict[str, str]:
    return _said(_SOURCES)


def states() -> dict[str, str]:
    return _said(_STATES)


def reason_marks() -> dict[str, tuple[str, str, str]]:
    return {key: (tone, icon, _(word)) for key, (tone, icon, word, _s) in _REASONS.items()}


def reason_sentences() -> dict[str, str]:
    return {key: _(sentence) for key, (_t, _i, _w, sentence) in _REASONS.items()}


def suppressed_addresses(total: int) -> str:
    if not total:
        return _("You may write to every address so far")
    return ngettext(
        "%(num)s address you do not write to",
        "%(num)s addresses you do not write to",
        total,
        num=number(total),
    )


def _said(words: dict[str, str]) -> dict[str, str]:
    return {key: _(word) for key, word in words.items()}

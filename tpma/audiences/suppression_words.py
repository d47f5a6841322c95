"""What the pages of a suppression list say, to a partner and to a vendor."""

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, ngettext, number

_CHANNELS = {
    "one_click": lazy("unsubscribed in the mail program"),
    "mail": lazy("unsubscribed by a mail"),
    "page": lazy("unsubscribed on the page"),
    "told_us": lazy("told you, and you noted it here"),
    "bounce": lazy("the mailbox does not exist"),
    "complaint": lazy("marked a mail as spam"),
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


def channels() -> dict[str, str]:
    """How a withdrawal reached us; any other text stands for itself."""
    return {key: _(word) for key, word in _CHANNELS.items()}


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


class PartnerWords:
    """Of a partner's own list."""

    def title(self, addresses: int, domains: int) -> str:
        if not domains:
            return suppressed_addresses(addresses)
        return _(
            "%(addresses)s addresses and %(domains)s domains you do not write to",
            addresses=number(addresses),
            domains=number(domains),
        )

    def added(self) -> str:
        return _("Nobody here writes to this address any more.")

    def domain_added(self, domain: str) -> str:
        return _("Nobody here writes to %(domain)s any more.", domain=domain)

    def opt_in_said(self, on: bool) -> str:
        if on:
            return _("From now on your mails go only to people who signed up themselves.")
        return _("Your mails go to everybody with a lawful basis again.")

    channels = staticmethod(channels)
    reason_marks = staticmethod(reason_marks)


class VendorWords(PartnerWords):
    """Of a vendor's list, which holds for its partners' launches."""

    def title(self, addresses: int, domains: int) -> str:
        if not addresses + domains:
            return _("Your partners may write to everybody so far")
        return _(
            "%(addresses)s addresses and %(domains)s domains no partner writes to for you",
            addresses=number(addresses),
            domains=number(domains),
        )

    def added(self) -> str:
        return _("No launch of your kits writes to this address any more.")

    def domain_added(self, domain: str) -> str:
        return _("No launch of your kits writes to %(domain)s any more.", domain=domain)

    def opt_in_said(self, on: bool) -> str:
        if on:
            return _("From now on launches of your kits go only to people who signed up.")
        return _("Launches of your kits go to everybody with a lawful basis again.")

"""LIST: will the addresses take mail, or bring bounces?"""

from collections.abc import Iterable

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, ngettext
from tpma.sending.facts import AddressFacts, Facts
from tpma.sending.findings import Said, Severity, amber, green, red, rule, share, told, unneeded

_CONTACTS = (lazy("Open the contacts"), "contacts")
MANY_ROLES = 0.1  # of the recipients


@rule("LIST-01", Severity.BLOCKS, lazy("Addresses that take mail"), "Hard bounces; RT-04")
def addresses(facts: Facts) -> Iterable[Said]:
    found = facts.addresses
    if found is None:
        yield unneeded()
        return
    yield from _unusable(found)
    cure = (_(_CONTACTS[0]), _CONTACTS[1])
    if found.typos:
        yield amber(
            ngettext(
                "%(num)s address looks mistyped (gmial.com).",
                "%(num)s addresses look mistyped (gmial.com).",
                found.typos,
            ),
            cure,
        )
    if share(found.role, facts.writable) > MANY_ROLES:
        yield told(
            ngettext(
                "%(num)s address is a shared mailbox (info@).",
                "%(num)s addresses are shared mailboxes (info@).",
                found.role,
            ),
            cure,
        )
    if not (found.without_mx or found.disposable):
        yield green(
            ngettext(
                "%(num)s address gets its first mail from you; none is known to refuse",
                "%(num)s addresses get their first mail from you; none is known to refuse",
                found.never_mailed,
            )
        )


def _unusable(found: AddressFacts) -> Iterable[Said]:
    cure = (_(_CONTACTS[0]), _CONTACTS[1])
    if found.without_mx:
        yield red(
            ngettext(
                "%(num)s address is at a domain that takes no mail.",
                "%(num)s addresses are at domains that take no mail.",
                found.without_mx,
            ),
            cure,
        )
    if found.disposable:
        yield red(
            ngettext(
                "%(num)s address is a throw-away one.",
                "%(num)s addresses are throw-away ones.",
                found.disposable,
            ),
            cure,
        )


RULES = (addresses,)

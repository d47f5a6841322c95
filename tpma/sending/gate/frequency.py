"""FREQ: nobody gets too much from one vendor's partners together, or from one of them."""

from collections.abc import Iterable

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, ngettext
from tpma.sending.facts import Facts
from tpma.sending.findings import Said, Severity, green, red, rule, told, unneeded


@rule("FREQ-01", Severity.BLOCKS, lazy("How often people are written to"), "Complaint rates")
def cap(facts: Facts) -> Iterable[Said]:
    found = facts.frequency
    if found is None:
        yield unneeded()
        return
    over = max(found.over_vendor, found.over_partner)
    limits = {"partner": found.partner_limit, "vendor": found.vendor_limit}
    if not over:
        yield green(
            _(
                "At most %(partner)s mails in seven days from you, %(vendor)s of this vendor's "
                "campaigns",
                **limits,
            )
        )
        return
    text = ngettext(
        "%(num)s reader had the most mails allowed in seven days (%(partner)s of yours, "
        "%(vendor)s of this vendor's).",
        "%(num)s readers had the most mails allowed in seven days (%(partner)s of yours, "
        "%(vendor)s of this vendor's).",
        over,
        **limits,
    )
    if found.held_back and over < facts.writable:
        yield told(text, title=_("Some readers are left out for now"))
    else:
        yield red(text, (_("Choose a later time"), "time"))


RULES = (cap,)

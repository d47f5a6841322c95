"""SUPP: who must not be written to is not, now and as each mail leaves."""

from collections.abc import Iterable

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, moment, ngettext, number
from tpma.sending.facts import Facts
from tpma.sending.findings import Said, Severity, green, red, rule, unneeded


@rule("SUPP-01", Severity.BLOCKS, lazy("Suppression"), "GDPR Art. 21; CAN-SPAM; CASL s. 11")
def applied(facts: Facts) -> Iterable[Said]:
    if facts.listed_recipients:
        yield red(
            ngettext(
                "%(num)s recipient stands on a suppression list.",
                "%(num)s recipients stand on a suppression list.",
                facts.listed_recipients,
            ),
            (_("Change the audience"), "audience"),
        )
    elif facts.matching != facts.writable + _left_out(facts):
        yield red(_("Recipients and people left out do not add up to the audience. Check again."))
    elif facts.matching:
        yield green(
            _(
                "%(count)s addresses on the lists are left out, now and again as each mail leaves",
                count=number(facts.suppressed),
            )
        )
    if facts.vendor_held:
        yield green(
            ngettext(
                "%(num)s reader is held back by the vendor’s list; it does not say who",
                "%(num)s readers are held back by the vendor’s list; it does not say who",
                facts.vendor_held,
            ),
            _("The vendor’s list"),
        )


def _left_out(facts: Facts) -> int:
    return (
        facts.suppressed
        + facts.vendor_held
        + facts.no_consent
        + facts.not_opted_in
        + facts.unlawful
    )


@rule("SUPP-02", Severity.BLOCKS, lazy("Unsubscribes done"), "Gmail, Yahoo: two days; CAN-SPAM")
def backlog(facts: Facts) -> Iterable[Said]:
    waiting = facts.backlog
    if waiting is None:
        yield unneeded()
    elif waiting.waiting:
        since = moment(waiting.oldest, "short") if waiting.oldest else "–"
        yield red(
            ngettext(
                "%(num)s request has not been applied since %(since)s. Ask the operator.",
                "%(num)s requests have not been applied since %(since)s. Ask the operator.",
                waiting.waiting,
                since=since,
            )
        )
    else:
        yield green(_("No request waits"))


RULES = (applied, backlog)

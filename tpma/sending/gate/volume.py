"""VOL: a young domain sends little at first, and a launch has to fit."""

from collections.abc import Iterable

from tpma.core.i18n import day, lazy, ngettext, number
from tpma.core.i18n import gettext as _
from tpma.sending.facts import Facts
from tpma.sending.findings import Said, Severity, green, red, rule, unneeded


@rule("VOL-01", Severity.BLOCKS, lazy("Warm-up of the domain"), "Gmail, Yahoo sender guidelines")
def capacity(facts: Facts) -> Iterable[Said]:
    found = facts.warmup
    if found is None:
        yield unneeded()
    elif facts.writable > found.capacity:
        yield red(
            ngettext(
                "Until the launch ends the domain may send %(capacity)s mails; %(num)s is planned.",
                "Until the launch ends the domain may send %(capacity)s mails; %(num)s are "
                "planned.",
                facts.writable,
                capacity=number(found.capacity),
            ),
            (_("Choose a smaller audience"), "audience"),
        )
    elif found.finishes_on is not None and found.finishes_on > facts.today:
        yield green(_("Will be out by %(day)s", day=day(found.finishes_on)))
    else:
        yield green(_("Fits into one day"))


RULES = (capacity,)

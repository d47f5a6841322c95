"""What the figures of a rehearsal mean, in words, the worst first; each with its cure if it has
one. Reads nothing but the figures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, ngettext, number
from tpma.sending import progress
from tpma.sending.findings import Cure, Tone

Figures = Mapping[str, Any]
CLIPPED_FROM = 102 * 1024  # bytes Gmail shows of a mail
_BROKEN = {
    "invalid_to_name": lazy("a name that may not stand in a mail"),
    "invalid_to_address": lazy("an address that may not stand in a mail"),
    "invalid_envelope": lazy("a header or size the provider would refuse"),
    "cannot_be_built": lazy("a text that cannot be filled in"),
}
_ORDER = (Tone.RED, Tone.AMBER, Tone.GREEN, Tone.NOT_NEEDED)


@dataclass(frozen=True, slots=True)
class Finding:
    tone: Tone
    title: str
    text: str
    cure: Cure | None = None


def of(figures: Figures) -> list[Finding]:
    """Empty for a rehearsal without figures."""
    if not figures:
        return []
    found = [finding for rule in _RULES for finding in rule(figures)]
    return sorted(found, key=lambda finding: _ORDER.index(finding.tone))


def _unfinished(figures: Figures) -> Iterator[Finding]:
    if not figures["whole"]:
        yield Finding(
            Tone.AMBER,
            _("Ended before it was through"),
            _("It took longer than a rehearsal may. Rehearse again at a quieter hour."),
        )


def _once(figures: Figures) -> Iterator[Finding]:
    astray = figures["only_ours"] + figures["only_theirs"]
    if figures["copies"] or (astray and figures["whole"]):
        yield Finding(
            Tone.RED,
            _("Our ledger and the provider’s journal differ"),
            _(
                "Twice: %(copies)s, known to one side only: %(astray)s. Do not launch; tell the "
                "operator.",
                copies=number(figures["copies"]),
                astray=number(astray),
            ),
        )
    elif figures["whole"]:
        yield Finding(
            Tone.GREEN,
            _("Every mail once"),
            ngettext(
                "Our ledger and the provider’s own journal agree on %(num)s mail: none lost, none "
                "twice.",
                "Our ledger and the provider’s own journal agree on %(num)s mails: none lost, none "
                "twice.",
                figures["provider_took"],
            ),
        )


def _broken(figures: Figures) -> Iterator[Finding]:
    for reason, mails in figures["broken"].items():
        why = _(_BROKEN[reason]) if reason in _BROKEN else reason
        yield Finding(
            Tone.RED,
            ngettext("%(num)s mail cannot be sent", "%(num)s mails cannot be sent", mails),
            _("Because of %(why)s. The others are not held up by it.", why=why),
            (_("Mend the contacts"), "contacts"),
        )


def _left_out(figures: Figures) -> Iterator[Finding]:
    for why, people in progress.in_words(figures["left_out"]):
        yield Finding(
            Tone.AMBER,
            ngettext("%(num)s reader is left out", "%(num)s readers are left out", people),
            why,
            (_("Change audience"), "audience"),
        )


def _doubts(figures: Figures) -> Iterator[Finding]:
    open_ = figures["in_doubt"] + figures["unconfirmed"]
    if open_:
        yield Finding(
            Tone.AMBER,
            ngettext("%(num)s mail stayed in doubt", "%(num)s mails stayed in doubt", open_),
            _("The connection broke and no event told what became of it. It is not sent again."),
        )
    if figures["proven"]:
        yield Finding(
            Tone.GREEN,
            ngettext("%(num)s answer got lost", "%(num)s answers got lost", figures["proven"]),
            _("The provider’s events proved that the mail had left, so nobody got it twice."),
        )


def _throttled(figures: Figures) -> Iterator[Finding]:
    if figures["throttled"]:
        yield Finding(
            Tone.GREEN,
            ngettext(
                "The provider said “not now” %(num)s time",
                "The provider said “not now” %(num)s times",
                figures["throttled"],
            ),
            _("The pace was halved and grew again by itself. No mail was lost."),
        )


def _held(figures: Figures) -> Iterator[Finding]:
    for pause in figures["pauses"]:
        after = number(pause["after"])
        text = _("In a launch you would look at the figures, then resume or stop it.")
        if pause["cause"] == "complaints":
            title = _("A guard paused it after %(after)s mails: complaints", after=after)
        elif pause["cause"] == "bounces":
            title = _("A guard paused it after %(after)s mails: dead addresses", after=after)
        else:
            title = _("It was paused after %(after)s mails", after=after)
            text = _("The provider refuses this mail as it is. Change its words or ask the vendor.")
        yield Finding(Tone.AMBER, title, text)
    if figures["slowed"]:
        yield Finding(
            Tone.AMBER,
            _("A guard halved the pace"),
            _("Bounces or complaints were close to where a launch is paused."),
        )


def _guards(figures: Figures) -> Iterator[Finding]:
    at = figures["guards_at"]
    if at["bounces"]:
        text = _(
            "What pauses this launch among its first %(results)s results: dead addresses from "
            "%(bounces)s on, complaints from %(complaints)s on.",
            bounces=number(at["bounces"]),
            complaints=number(at["complaints"]),
            results=number(at["results"]),
        )
    else:
        text = _("Too few readers for the guards to judge shares: look at the bounces yourself.")
    yield Finding(Tone.NOT_NEEDED, _("When the guards would step in"), text)


def _size(figures: Figures) -> Iterator[Finding]:
    size = number(round(figures["largest"] / 1024))
    if figures["largest"] > CLIPPED_FROM:
        yield Finding(
            Tone.AMBER,
            _("The largest mail has %(size)s kB", size=size),
            _("Mail programs cut off what is longer than 102 kB. Shorten your texts."),
            (_("Change texts"), "message"),
        )
    elif figures["largest"]:
        yield Finding(
            Tone.GREEN,
            _("The largest mail has %(size)s kB", size=size),
            _("Mail programs show up to 102 kB whole."),
        )


def _pace(figures: Figures) -> Iterator[Finding]:
    if figures["days"] and figures["days"] > 1:
        yield Finding(
            Tone.AMBER,
            _("The first mail takes %(days)s days", days=number(figures["days"])),
            _("The provider takes only so many mails of this account a day. Start earlier."),
            (_("Change time"), "time"),
        )
    elif figures["real_seconds"]:
        minutes = -(-figures["real_seconds"] // 60)
        yield Finding(
            Tone.NOT_NEEDED,
            ngettext(
                "The first mail takes about %(num)s minute",
                "The first mail takes about %(num)s minutes",
                minutes,
            ),
            _("At the pace your provider allows, with the wait after the first mails."),
        )
    else:
        yield Finding(
            Tone.NOT_NEEDED,
            _("No pace to foretell"),
            _("The transport in use has told no limit, so nobody can say how long it takes."),
        )


_RULES = (
    _unfinished, _once, _broken, _left_out, _doubts, _held, _size, _throttled, _pace, _guards,
)  # fmt: skip

"""The check before a launch: every rule looks at the same facts and says what it found.

A finding is red (it stops the launch and names its cure), amber (it is told) or green (it keeps
its evidence). What a transport cannot need is "not needed here", never red: with the local
outbox nothing leaves this machine, so nothing is asked of DNS, quotas or event feeds.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta

from tpma.core.i18n import babel_locale, day, ngettext, number
from tpma.core.i18n import gettext as _
from tpma.kits.rules import is_over
from tpma.sending.findings import Check, Facts, Tone
from tpma.sending.mail_rules import bodies, headers

Rule = Callable[[Facts], Iterable[Check]]


def report(facts: Facts) -> list[Check]:
    """Every rule's findings, red first, then amber, then green, then what is not needed."""
    order = {Tone.RED: 0, Tone.AMBER: 1, Tone.GREEN: 2, Tone.NOT_NEEDED: 3}
    found = [check for rule in RULES for check in rule(facts)]
    return sorted(found, key=lambda check: order[check.tone])


def is_green(checks: Iterable[Check]) -> bool:
    return all(check.tone is not Tone.RED for check in checks)


def to_json(checks: Iterable[Check]) -> dict[str, object]:
    return {"checks": [asdict(check) for check in checks]}


def fingerprint(*parts: object) -> str:
    """The hash of what a report looked at; a change of any part asks for a new report."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def sender(facts: Facts) -> Iterable[Check]:
    """AUTH and HDR: who writes, and where answers go."""
    if not facts.from_name or not facts.reply_to:
        yield Check(
            "SENDER",
            Tone.RED,
            _("The sender is not complete"),
            _("Readers need a name they know and an address that answers."),
            (_("Complete the sender"), "time"),
        )
        return
    if re.match(r"(no|do[-_.]?not)[-_.]?reply@", facts.reply_to, re.IGNORECASE):
        yield Check(
            "AUTH-07",
            Tone.AMBER,
            _("Replies go to an address that says it does not answer"),
            _(
                "%(address)s: people answer campaigns; use a mailbox somebody reads.",
                address=facts.reply_to,
            ),
            (_("Change the address"), "time"),
        )
    yield Check(
        "SENDER",
        Tone.GREEN,
        _("Sender"),
        _("%(name)s, answers to %(address)s", name=facts.from_name, address=facts.reply_to),
    )


def languages(facts: Facts) -> Iterable[Check]:
    """LOC-01: content and legal texts in the language of each reader."""
    shown = {
        tag: babel_locale(tag).get_display_name(babel_locale()) or tag for tag in facts.locales
    }
    yield from _unserved(facts, shown)
    for tag in facts.missing_consents:
        yield Check(
            "LOC-01",
            Tone.RED,
            _("The consent text for %(language)s is missing", language=shown.get(tag, tag)),
            _(
                "Consent texts are never shown in another language. Ask the vendor for one, "
                "or leave these readers out."
            ),
            (_("Change the audience"), "audience"),
        )
    served = {tag: by for tag, by in facts.locales.items() if by}
    if not served:
        yield Check(
            "LOC-01",
            Tone.RED,
            _("This kit has no text in your language"),
            _("The programme's rule for missing languages is “%(policy)s”.", policy=facts.policy),
            (_("Choose another kit"), "kits"),
        )
    elif not facts.missing_consents:
        names = ", ".join(shown[tag] for tag in served)
        yield Check(
            "LOC-01",
            Tone.GREEN,
            _("Languages"),
            _("%(names)s complete, legal texts final", names=names),
        )


def _unserved(facts: Facts, shown: Mapping[str, str]) -> Iterable[Check]:
    """Readers whose language the kit lacks: they get another, or no mail."""
    unserved = [tag for tag, served in facts.locales.items() if served is None]
    held = sum(facts.readers_by_locale.get(tag, 0) for tag in unserved)
    if not held:
        return
    names = ", ".join(shown[tag] for tag in unserved)
    if facts.accepted_fallback:
        text = ngettext(
            "%(num)s reader asked for %(names)s and gets your main language.",
            "%(num)s readers asked for %(names)s and get your main language.",
            held,
            names=names,
        )
    else:
        text = ngettext(
            "%(num)s reader asked for %(names)s, which is not in this kit, and is held back.",
            "%(num)s readers asked for %(names)s, which is not in this kit: held back.",
            held,
            names=names,
        )
    yield Check(
        "LOC-01",
        Tone.AMBER,
        _("Not every reader's language is in the kit"),
        text,
        (_("Decide on the first screen"), "audience"),
    )


def consent(facts: Facts) -> Iterable[Check]:
    """CONS-01, SUPP-01: everybody who gets a mail agreed to hear from this sender."""
    if not facts.matching:
        yield Check(
            "CONS-01",
            Tone.RED,
            _("Nobody is in this audience"),
            _("Import your contacts, or choose a wider segment."),
            (_("Choose the audience"), "audience"),
        )
        return
    held = facts.matching - facts.writable
    if not facts.writable:
        yield Check(
            "CONS-01",
            Tone.RED,
            _("Nobody in this audience may be written to"),
            _(
                "All %(count)s are held back: no consent on record, or they unsubscribed.",
                count=number(held),
            ),
            (_("Choose the audience"), "audience"),
        )
        return
    yield Check(
        "CONS-01",
        Tone.GREEN,
        _("Consent"),
        _(
            "%(writable)s of %(matching)s readers have a basis; %(held)s held back",
            writable=number(facts.writable),
            matching=number(facts.matching),
            held=number(held),
        ),
    )
    yield Check(
        "SUPP-01",
        Tone.GREEN,
        _("Suppression"),
        _(
            "%(count)s addresses on the lists are left out, now and again as each mail leaves",
            count=number(facts.suppressed),
        ),
    )
    yield from _held_by_others(facts)


def _held_by_others(facts: Facts) -> Iterable[Check]:
    """SUPP-01 for the vendor's list, which is counted and never shown; and the opt-in-only rule."""
    if facts.vendor_held:
        yield Check(
            "SUPP-01",
            Tone.GREEN,
            _("The vendor’s list"),
            ngettext(
                "%(num)s reader is held back by the vendor’s list; it does not say who",
                "%(num)s readers are held back by the vendor’s list; it does not say who",
                facts.vendor_held,
            ),
        )
    if facts.not_opted_in:
        yield Check(
            "CONS-01",
            Tone.AMBER,
            _("Only people who signed up"),
            ngettext(
                "%(num)s reader with another basis than their own sign-up is held back: "
                "%(names)s writes only to people who signed up.",
                "%(num)s readers with another basis than their own sign-up are held back: "
                "%(names)s writes only to people who signed up.",
                facts.not_opted_in,
                names=" + ".join(facts.opt_in_rule_of),
            ),
            (_("Look at the audience"), "audience"),
        )


def territory(facts: Facts) -> Iterable[Check]:
    """Readers in countries the vendor took out of the kit."""
    if facts.denied_countries:
        people = sum(facts.denied_countries.values())
        yield Check(
            "TERRITORY",
            Tone.AMBER,
            _("Some countries are left out"),
            _("%(count)s readers live where this kit may not be used.", count=people),
        )


def brand(facts: Facts) -> Iterable[Check]:
    """BODY-02, -03 and the brand rules: errors stop, warnings are told."""
    for finding in facts.brand:
        red = finding.severity == "error"
        yield Check(
            finding.rule,
            Tone.RED if red else Tone.AMBER,
            finding.message,
            finding.cure,
            (_("Open the brand profile"), "brand"),
        )
    if facts.cobranded_state == "pending_approval":
        yield Check(
            "BRAND",
            Tone.RED,
            _("Your texts are being reviewed"),
            _(
                "The vendor looks at changed texts of this kit first. You get a mail when it "
                "is decided."
            ),
            (_("See the texts"), "message"),
        )
    elif not any(finding.severity == "error" for finding in facts.brand):
        yield Check(
            "BRAND",
            Tone.GREEN,
            _("Brand"),
            _("Logo, colours and the sender's legal data pass every rule"),
        )


def dates(facts: Facts) -> Iterable[Check]:
    """The start is to come, and the kit lives as long as the launch's first mail."""
    start = facts.start_at or facts.now
    if facts.start_at is not None and facts.start_at <= facts.now:
        yield Check(
            "DATES",
            Tone.RED,
            _("The start you chose has passed"),
            _("Choose a new time."),
            (_("Choose a time"), "time"),
        )
        return
    if is_over(facts.kit_retires, facts.vendor_zone, start):
        yield Check(
            "DATES",
            Tone.RED,
            _("The kit retires before your start"),
            _("It can be launched until %(day)s.", day=_last_day(facts)),
            (_("Choose an earlier time"), "time"),
        )
        return
    if facts.kit_retires and facts.kit_retires < (start + timedelta(days=30)).date():
        yield Check(
            "DATES",
            Tone.AMBER,
            _("The kit retires soon"),
            _("Its pages close after %(day)s.", day=day(facts.kit_retires)),
        )
    yield Check("DATES", Tone.GREEN, _("Dates"), _("Start and end fit the kit"))


def _last_day(facts: Facts) -> str:
    return day(facts.kit_retires) if facts.kit_retires else ""


def budget(facts: Facts) -> Iterable[Check]:
    """A goal is needed before a launch; money may come later, but the report will ask."""
    if facts.goal_leads < 1:
        yield Check(
            "GOAL",
            Tone.RED,
            _("The goal is missing"),
            _("Say how many leads you hope for: the report compares with it."),
            (_("Set a goal"), "goal"),
        )
        return
    if not facts.planned_cost_minor:
        yield Check(
            "MONEY",
            Tone.AMBER,
            _("No cost planned"),
            _("Without cost there is no cost per lead. You can enter it later."),
            (_("Enter a cost"), "goal"),
        )
        return
    yield Check(
        "MONEY",
        Tone.GREEN,
        _("Goal and money"),
        ngettext(
            "%(num)s lead hoped for, cost planned",
            "%(num)s leads hoped for, cost planned",
            facts.goal_leads,
        ),
    )


def transport(facts: Facts) -> Iterable[Check]:
    if not facts.leaves_machine:
        yield Check(
            "AUTH-01",
            Tone.NOT_NEEDED,
            _("DNS, quotas, event feed"),
            _("Not needed here: mail stays in the local outbox and nothing leaves this machine"),
        )


RULES: tuple[Rule, ...] = (
    sender,
    consent,
    territory,
    languages,
    brand,
    bodies,
    headers,
    dates,
    budget,
    transport,
)

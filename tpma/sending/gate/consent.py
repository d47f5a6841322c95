"""CONS: everybody who gets a mail agreed to hear from this sender, and we can prove it.

Whom the law of their country protects, and who was forgotten for two years, is left out of the
launch, counted and named; a rule is red only when nobody is left, or when it cannot be asked of
single readers.
"""

from collections.abc import Iterable

from tpma.core.i18n import country_name, lazy, ngettext, number
from tpma.core.i18n import gettext as _
from tpma.localization import packs
from tpma.sending.facts import Facts
from tpma.sending.findings import Said, Severity, amber, green, red, rule, told, total

_CHANGE = (lazy("Change the audience"), "audience")
_NAMED = 4  # countries in one line


def _cure() -> tuple[str, str]:
    return _(_CHANGE[0]), _CHANGE[1]


def _held(text: str) -> Said:
    """Told, and nobody's word is wanted: the launch goes without them."""
    return told(text, (_("See who"), "left_out"), _("Left out"))


def _people(facts: Facts, rule_id: str) -> tuple[int, str]:
    """How many recipients fail a rule, and where they live."""
    found = facts.consent.problems.get(rule_id, {})
    lands = sorted(found, key=lambda land: (-found[land], land))
    names = [country_name(land) if land else _("country unknown") for land in lands[:_NAMED]]
    return total(found), ", ".join(names) + ("…" if len(lands) > _NAMED else "")


def _in(facts: Facts, *countries: str) -> int:
    return sum(facts.consent.by_country.get(country, 0) for country in countries)


@rule("CONS-01", Severity.BLOCKS, lazy("Consent"), "GDPR Art. 6, 7; UWG § 7")
def basis(facts: Facts) -> Iterable[Said]:
    if not facts.matching:
        yield red(
            _("Import your contacts, or choose a wider segment."),
            (_("Choose the audience"), "audience"),
            _("Nobody is in this audience"),
        )
        return
    held = facts.matching - facts.writable
    if not facts.writable:
        yield red(
            _(
                "All %(count)s are held back: no consent on record or none that carries mail in "
                "their country, or they unsubscribed.",
                count=number(held),
            ),
            (_("Choose the audience"), "audience"),
            _("Nobody in this audience may be written to"),
        )
        return
    yield green(
        _(
            "%(writable)s of %(matching)s readers have a basis; %(held)s held back",
            writable=number(facts.writable),
            matching=number(facts.matching),
            held=number(held),
        )
    )
    without, lands = _people(facts, "CONS-01")
    if without:
        yield _held(
            ngettext(
                "%(num)s reader has no basis that carries mail there (%(lands)s).",
                "%(num)s readers have no basis that carries mail there (%(lands)s).",
                without,
                lands=lands,
            )
        )
    yield from _signed_up(facts)


def _signed_up(facts: Facts) -> Iterable[Said]:
    """The switch by which a company writes only to people who signed up themselves."""
    if facts.not_opted_in:
        yield told(
            ngettext(
                "%(num)s reader with another basis than their own sign-up is held back: "
                "%(names)s writes only to people who signed up.",
                "%(num)s readers with another basis than their own sign-up are held back: "
                "%(names)s writes only to people who signed up.",
                facts.not_opted_in,
                names=" + ".join(facts.opt_in_rule_of),
            ),
            (_("Look at the audience"), "audience"),
            _("Only people who signed up"),
        )


@rule("CONS-02", Severity.BLOCKS, lazy("Double opt-in"), "UWG § 7; OLG München 29 U 1682/12")
def double_opt_in(facts: Facts) -> Iterable[Said]:
    without, lands = _people(facts, "CONS-02")
    if without:
        yield _held(
            ngettext(
                "%(num)s reader never confirmed by mail (%(lands)s). There a consent needs that "
                "proof; existing customers do not.",
                "%(num)s readers never confirmed by mail (%(lands)s). There a consent needs that "
                "proof; existing customers do not.",
                without,
                lands=lands,
            )
        )
    asked = _in(facts, *packs.countries_where("double_opt_in", facts.today))
    yield green(
        ngettext(
            "%(num)s reader where it is asked for: confirmed, or an existing customer",
            "%(num)s readers where it is asked for: confirmed, or existing customers",
            asked,
        )
    )


@rule("CONS-03", Severity.BLOCKS, lazy("Implied consent"), "CASL s. 10 (Canada)")
def implied(facts: Facts) -> Iterable[Said]:
    lapsed, lands = _people(facts, "CONS-03")
    if lapsed:
        yield _held(
            ngettext(
                "%(num)s reader's purchase or inquiry is too long ago (%(lands)s).",
                "%(num)s readers' purchases or inquiries are too long ago (%(lands)s).",
                lapsed,
                lands=lands,
            )
        )
    yield green(
        ngettext(
            "%(num)s reader in Canada, in time",
            "%(num)s readers in Canada, in time",
            _in(facts, "CA"),
        )
    )


@rule("CONS-04", Severity.BLOCKS, lazy("No bought addresses"), "CAN-SPAM Act; Gmail rules")
def purchased(facts: Facts) -> Iterable[Said]:
    bought, _lands = _people(facts, "CONS-04")
    if bought:
        yield _held(
            ngettext(
                "%(num)s address came with a list that was bought or rented.",
                "%(num)s addresses came with a list that was bought or rented.",
                bought,
            )
        )
    else:
        yield green(_("No list was bought; every opt-out is kept"))


@rule("CONS-05", Severity.BLOCKS, lazy("Law by country"), "Country packs; not legal advice")
def unknown_country(facts: Facts) -> Iterable[Said]:
    if not facts.consent.judged:
        yield red(
            _(
                "No country’s rules are in force on this day, so nobody can be judged. "
                "Ask the operator."
            ),
            None,
            _("The rules of countries are missing"),
        )
        return
    without, _lands = _people(facts, "CONS-05")
    if without:
        yield _held(
            ngettext(
                "%(num)s reader lives in a country we do not know; the strictest of your markets "
                "is applied, and it is not met.",
                "%(num)s readers live in countries we do not know; the strictest of your markets "
                "is applied, and it is not met.",
                without,
            )
        )
    versions = [f"{country} {version}" for country, version in sorted(facts.consent.packs.items())]
    yield green(_("Packs used, not legal advice: %(packs)s", packs=", ".join(versions) or "–"))


@rule("CONS-06", Severity.BLOCKS, lazy("Addresses from the vendor"), "GDPR Art. 26, 28")
def from_vendor(facts: Facts) -> Iterable[Said]:
    without, _lands = _people(facts, "CONS-06")
    if without:
        yield _held(
            ngettext(
                "%(num)s address came from the vendor, and on what basis is not written down.",
                "%(num)s addresses came from the vendor, and on what basis is not written down.",
                without,
            )
        )
    yield green(
        ngettext(
            "%(num)s address from the vendor; yours stay hidden from it",
            "%(num)s addresses from the vendor; yours stay hidden from it",
            facts.consent.from_vendor,
        )
    )


@rule("CONS-07", Severity.WARNS, lazy("Age of the list"), "List hygiene")
def age(facts: Facts) -> Iterable[Said]:
    forgotten, _lands = _people(facts, "CONS-07")
    if forgotten:
        yield _held(
            ngettext(
                "%(num)s reader agreed over 24 months ago and never got a mail.",
                "%(num)s readers agreed over 24 months ago and never got a mail.",
                forgotten,
            )
        )
    untouched = facts.consent.untouched_12
    if untouched:
        yield amber(
            ngettext(
                "%(num)s reader agreed over 12 months ago and never got a mail. Ask again first.",
                "%(num)s readers agreed over 12 months ago and never got a mail. Ask again first.",
                untouched,
            ),
            _cure(),
        )
    else:
        yield green(_("Nobody waited over 12 months for a first mail"))


RULES = (basis, double_opt_in, implied, purchased, unknown_country, from_vendor, age)

"""LOC and territory: content and legal texts in the language of each reader, where it may go."""

from collections.abc import Iterable, Mapping

from tpma.core.i18n import babel_locale, lazy, ngettext
from tpma.core.i18n import gettext as _
from tpma.sending.facts import Facts
from tpma.sending.findings import Said, Severity, green, red, rule, told, total


@rule("LOC-01", Severity.BLOCKS, lazy("Languages"), "Domain rules 4.1; GDPR Art. 7, 12")
def languages(facts: Facts) -> Iterable[Said]:
    shown = {
        tag: babel_locale(tag).get_display_name(babel_locale()) or tag for tag in facts.locales
    }
    yield from _unserved(facts, shown)
    for tag in facts.missing_consents:
        yield red(
            _(
                "Consent texts are never shown in another language. Ask the vendor for one, "
                "or leave these readers out."
            ),
            (_("Change the audience"), "audience"),
            _("The consent text for %(language)s is missing", language=shown.get(tag, tag)),
        )
    served = {tag: by for tag, by in facts.locales.items() if by}
    if not served:
        yield red(
            _("The programme's rule for missing languages is “%(policy)s”.", policy=facts.policy),
            (_("Choose another kit"), "kits"),
            _("This kit has no text in your language"),
        )
    elif not facts.missing_consents:
        names = ", ".join(shown[tag] for tag in served)
        yield green(_("%(names)s complete, legal texts final", names=names))


def _unserved(facts: Facts, shown: Mapping[str, str]) -> Iterable[Said]:
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
    yield told(
        text,
        (_("Decide on the first screen"), "audience"),
        _("Not every reader's language is in the kit"),
    )


@rule("TERRITORY", Severity.TELLS, lazy("Countries"), "Domain rules 4.4")
def territory(facts: Facts) -> Iterable[Said]:
    """Readers in countries the vendor took out of the kit are left out."""
    if facts.denied_countries:
        people = total(facts.denied_countries)
        yield told(
            _("%(count)s readers live where this kit may not be used.", count=people),
            title=_("Some countries are left out"),
        )


RULES = (languages, territory)

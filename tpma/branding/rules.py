"""What a slot and a colour must be: pure checks, each an answer with its rule and its cure."""

import html
import re

from tpma.branding import words
from tpma.branding.findings import Finding, error, errors, ratio_words
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.text import lines, one_line
from tpma.rendering.colour import LARGE, READABLE, contrast
from tpma.rendering.content import SECOND_SUBJECT, KitContent, SlotSpec

_MARKUP = re.compile(r"<[a-zA-Z/!?]|\{\{|\{%|\{#")
_NO_LIMIT = 100_000  # the slot's own limit is checked with a better sentence


def field_of(spec: SlotSpec) -> str:
    return f"{spec.asset}.{spec.key}"


def check_colour(text: str, ground: str, *, large: bool = False, field: str = "") -> Finding | None:
    """WCAG 2.2, 1.4.3: 4.5 to 1; 3 to 1 from 24 px, or 18.66 px in bold, and for controls."""
    needed = LARGE if large else READABLE
    ratio = contrast(text, ground)
    if ratio >= needed:
        return None
    return error(
        "colour.text",
        _(
            "%(text)s on %(ground)s has a contrast of %(ratio)s; readers need %(needed)s.",
            text=text,
            ground=ground,
            ratio=ratio_words(ratio),
            needed=f"{needed:g}",
        ),
        _("Choose a darker or a lighter one."),
        field,
    )


def clean(spec: SlotSpec, value: str) -> str:
    """The value as it is kept: NFC, trimmed, one line unless the slot keeps lines.

    Raises Invalid for control characters and for a line break where none may be.
    """
    if spec.type == "rich_text":
        return lines(value, _NO_LIMIT, field_of(spec))
    return one_line(value, _NO_LIMIT, field_of(spec))


def check_slot(spec: SlotSpec, value: str, locale: str, default: str = "") -> list[Finding]:
    """Everything wrong with a partner's words in a slot; `default` is the vendor's own text."""
    try:
        text = clean(spec, value)
    except Invalid as fault:
        return [error("slot.line", fault.message, "", field_of(spec))]
    return check_form(spec, text) + check_wording(spec, text, locale, default)


def check_form(spec: SlotSpec, text: str) -> list[Finding]:
    """What the slot cannot hold at all, whatever it says."""
    field, found = field_of(spec), []
    if len(text) > spec.max_chars:
        found.append(_too_long(spec, text))
    if _MARKUP.search(text):
        found.append(
            error(
                "slot.markup",
                _("This text holds markup or a merge field; it would be shown as it is."),
                _("Write plain words without < or {{."),
                field,
            )
        )
    return found


def _too_long(spec: SlotSpec, text: str) -> Finding:
    return error(
        "slot.length",
        _(
            "This place holds %(most)s characters; the text has %(now)s.",
            most=spec.max_chars,
            now=len(text),
        ),
        _("Shorten it by %(over)s.", over=len(text) - spec.max_chars),
        field_of(spec),
    )


def check_wording(spec: SlotSpec, text: str, locale: str, default: str = "") -> list[Finding]:
    """What the words promise, and to whom they look honest."""
    field = field_of(spec)
    found = words.check_terms(text, locale, field)
    found += words.check_claims(text, default, field)
    found += words.check_links(text, field)
    if spec.key in ("subject", SECOND_SUBJECT):
        found += words.check_subject(text, field)
    return _without_vouched(found, words.check_terms(default, locale, field))


def _without_vouched(found: list[Finding], vouched: list[Finding]) -> list[Finding]:
    """A word the vendor itself uses in this place is not the partner's fault."""
    own = {finding.message for finding in vouched}
    return [finding for finding in found if finding.message not in own]


def refuse(findings: list[Finding]) -> None:
    """Raises Invalid with the first error, at its field."""
    for finding in errors(findings):
        raise Invalid(finding.sentence.strip(), field=finding.field)


def default_text(content: KitContent, spec: SlotSpec, locale: str) -> str:
    """The vendor's own words in a slot, in one of the kit's locales; "" if it has none there."""
    unit = content.units.get(field_of(spec))
    return html.unescape(unit.texts.get(locale, "")) if unit else ""

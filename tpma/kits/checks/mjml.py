"""Tags of mails: mjml.tag, mjml.compile.

The compiler takes unknown tags silently, so tags are looked at here first, with their lines.
"""

from collections.abc import Iterator

from tpma.core.i18n import gettext as _
from tpma.kits.checks.markup import UNSAFE_TAGS
from tpma.kits.draft import Draft
from tpma.kits.faults import Fault
from tpma.kits.fields import words
from tpma.kits.templates import Tag, Template

_REFUSED = frozenset({"mj-include", "mj-raw"})
_KNOWN = words(
    "mjml mj-head mj-body mj-title mj-preview mj-attributes mj-all mj-class mj-breakpoint "
    "mj-style mj-html-attributes mj-selector mj-html-attribute mj-section mj-column "
    "mj-group mj-wrapper mj-text mj-button mj-image mj-divider mj-spacer mj-table mj-hero "
    "mj-social mj-social-element mj-navbar mj-navbar-link mj-accordion mj-accordion-element "
    "mj-accordion-title mj-accordion-text mj-carousel mj-carousel-image"
)
_TEXTS = words(
    "mj-text mj-table mj-button mj-navbar-link mj-social-element mj-accordion-title "
    "mj-accordion-text"
)
_HTML = words(
    "a abbr b bdi bdo blockquote br caption center code col colgroup div em font h1 h2 h3 "
    "h4 h5 h6 hr i img li ol p s small span strong sub sup table tbody td tfoot th thead tr "
    "u ul"
)


def faults(draft: Draft) -> Iterator[Fault]:
    for _row, template in draft.of_kind("email"):
        yield from _tags(template)
        yield from _unclosed(template)


def _tags(template: Template) -> Iterator[Fault]:
    for tag in template.tags:
        said = _what_is_wrong(tag)
        if said:
            yield Fault(template.file, tag.line, "mjml.tag", said)


def _what_is_wrong(tag: Tag) -> str | None:
    if tag.name in _REFUSED:
        return _("<%(tag)s> may not stand in a mail.", tag=tag.name)
    if tag.name.startswith("mj"):
        return None if tag.name in _KNOWN else _("MJML has no <%(tag)s>.", tag=tag.name)
    if tag.name in UNSAFE_TAGS:
        return None  # html.unsafe says so
    if tag.name not in _HTML:
        return _("<%(tag)s> may not stand in a mail.", tag=tag.name)
    if not _TEXTS & set(tag.path):
        return _("<%(tag)s> may stand in mj-text and mj-table, not here.", tag=tag.name)
    return None


def _unclosed(template: Template) -> Iterator[Fault]:
    for tag, line in template.unbalanced:
        message = _("<%(tag)s> is not closed where it should be.", tag=tag)
        yield Fault(template.file, line, "mjml.compile", message)

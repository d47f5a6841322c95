"""Could it be launched? Each asset is made in each language: mjml.compile, mail.size, template."""

from collections.abc import Iterator, Set

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.kits import samples
from tpma.kits.draft import Draft
from tpma.kits.faults import Fault
from tpma.kits.intake import MANIFEST
from tpma.kits.schema import Row
from tpma.rendering.content import KitContent


def faults(draft: Draft, spoilt: Set[str]) -> Iterator[Fault]:
    """Make each asset as it would be published, with the facts of an invented partner.

    Files in `spoilt` have faults of their own: what is made from them would only repeat those.
    """
    if draft.content is None or MANIFEST in spoilt:
        return
    sound = [tag for tag in draft.locales if f"locales/{tag}.po" not in spoilt]
    for row in draft.rows("asset"):
        if not {row["file"], row.get("style", "")} & spoilt:
            for locale in sound:
                yield from _made(draft.content, row, locale)


def _made(content: KitContent, row: Row, locale: str) -> Iterator[Fault]:
    try:
        samples.make(content, content.asset(row["key"]), locale)
    except Invalid as refusal:
        line = max(1, getattr(refusal, "line", 1))
        message = _("In %(locale)s: %(said)s", locale=locale, said=refusal.message)
        yield Fault(row["file"], line, _rule(row, refusal), message)


def _rule(row: Row, refusal: Invalid) -> str:
    if row["kind"] != "email":
        return "template"
    return "mail.size" if refusal.field == row["key"] else "mjml.compile"

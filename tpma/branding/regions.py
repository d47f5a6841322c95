"""The parts of an asset a partner cannot change, and proof that they are in what was rendered."""

import hashlib
import html
import re

from tpma.branding.findings import Finding, error
from tpma.core.i18n import gettext as _
from tpma.rendering.content import KitContent
from tpma.rendering.template import scan

_FIELD = re.compile(r"\{\{.*?\}\}")
_TAG = re.compile(r"<[^>]*>")


def locked_units(content: KitContent, asset: str) -> list[str]:
    """Ids of the locked texts in an asset's template, in its order."""
    spec = content.asset(asset)
    found = scan(spec.source, spec.file).units
    return list(dict.fromkeys(f"{asset}.{unit[0]}" for unit in found))


def locked_hashes(content: KitContent, asset: str, locale: str) -> dict[str, str]:
    """SHA-256 of each locked text of an asset in one of the kit's locales."""
    return {
        unit: hashlib.sha256(_folded(content.text(unit, locale)).encode()).hexdigest()
        for unit in locked_units(content, asset)
    }


def check_locked(rendered: str, content: KitContent, asset: str, locale: str) -> list[Finding]:
    """Each locked text must stand in `rendered` (HTML or plain text) as the kit has it.

    What merge fields put into a text differs from mail to mail, so the words around them are
    looked for, in their order.
    """
    shown = (_folded(_TAG.sub(" ", rendered)), _folded(rendered))
    return [
        _changed(unit)
        for unit in locked_units(content, asset)
        if not any(_stands_in(content.text(unit, locale), text) for text in shown)
    ]


def _changed(unit: str) -> Finding:
    return error(
        "locked_region_changed",
        _("The locked text %(unit)s is missing or was changed.", unit=unit),
        _("Open the kit again; the vendor's text comes back by itself."),
        unit,
    )


def _stands_in(text: str, shown: str) -> bool:
    at = 0
    for part in _FIELD.split(_TAG.sub(" ", text)):
        words = _folded(part)
        at = shown.find(words, at)
        if at < 0:
            return False
        at += len(words)
    return True


def _folded(text: str) -> str:
    """Without white space: tags may or may not have stood between two words."""
    return "".join(html.unescape(text).split())

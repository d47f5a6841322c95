"""Are the interface's catalogs complete? Strings in the code against what translators gave."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from tpma.core.i18n import DOMAIN, SHIPPED
from tpma.core.paths import locales_folder

KEYWORDS = {
    "_": None,
    "gettext": None,
    "lazy": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
METHODS = [
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2"),
    ("**/templates/**.txt", "jinja2"),
]
_NAMED = re.compile(r"%\(\w+\)[sd]")


def strings(folder: Path) -> Catalog:
    """Every string of the interface in the sources under `folder` (the package tpma)."""
    found = Catalog(domain=DOMAIN)
    extracted = extract_from_dir(
        folder,
        method_map=METHODS,
        options_map={"**/templates/**.html": {"newstyle_gettext": "true", "trimmed": "false"}},
        keywords=KEYWORDS,
    )
    for file, line, message, _comments, context in extracted:
        if message and message != "":
            found.add(message, locations=[(file, line)], context=context)
    return found


def faults_of_catalogs(package: Path | None = None) -> list[str]:
    """One line for each string a shipped language lacks, or whose placeholders differ."""
    wanted = strings(package or Path(__file__).resolve().parent.parent)
    return [fault for tag in SHIPPED if tag != "en" for fault in _faults(tag, wanted)]


def _faults(tag: str, wanted: Catalog) -> Iterator[str]:
    path = locales_folder() / tag.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.po"
    if not path.exists():
        yield f"{tag}: {path} is missing"
        return
    with path.open("rb") as file:
        given = read_po(file, locale=tag.replace("-", "_"))
    for message in wanted:
        if message.id:
            yield from _judged(tag, message, given.get(message.id, message.context))


def _judged(tag: str, wanted: Message, given: Message | None) -> Iterator[str]:
    where = f"{wanted.locations[0][0]}:{wanted.locations[0][1]}" if wanted.locations else "?"
    ids = _forms(wanted.id)
    texts = _forms(given.string) if given else []
    if not texts or not all(texts):
        yield f"{tag}: {where}: no text for “{ids[0]}”"
        return
    named = {name for text in ids for name in _NAMED.findall(text)}
    for text in texts:
        own = set(_NAMED.findall(text))
        # A plural form may leave the number out ("one kit"); a plain text must keep every one.
        if own - named or (len(ids) == 1 and named - own):
            yield f"{tag}: {where}: other placeholders than “{ids[0]}”"


def _forms(text: str | Sequence[str] | None) -> list[str]:
    """A text, or the forms of a plural, as a list."""
    return [text] if isinstance(text, str) else list(text or ())

"""Read a kit: its manifest, templates, catalogs and images, into values with lines.

Reading never fails. What is wrong is written down in `Draft.faults`, what is right is read
on, so that one run of the check names everything.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.kits import catalogs, pictures, schema, toml_lines
from tpma.kits.assembly import assemble
from tpma.kits.draft import Draft
from tpma.kits.faults import Fault, extension
from tpma.kits.intake import MANIFEST, Intake, from_folder
from tpma.kits.schema import Row
from tpma.kits.sources import collect
from tpma.kits.templates import open_template

_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_TEMPLATES = {
    "email": ("mjml",),
    "landing_page": ("html",),
    "pdf": ("html",),
    "social_post": ("txt",),
}


def read(folder: Path) -> Draft:
    """A kit folder as values, the files a version keeps, and the faults of both."""
    return open_kit(from_folder(folder))


def open_kit(taken: Intake) -> Draft:
    draft = Draft(taken.files, faults=list(taken.faults))
    if MANIFEST not in draft.all_files:
        return draft
    whole = _read_manifest(draft)
    if not draft.raw:
        return draft
    _open_templates(draft)
    _open_catalogs(draft)
    _open_images(draft)
    collect(draft)
    if whole:
        draft.content = assemble(draft)
    return draft


def decoded(draft: Draft, path: str) -> str | None:
    """The text of a file, or None with a fault for the line that is no UTF-8."""
    data = draft.all_files[path]
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = _("This file is not UTF-8 text. Save it as UTF-8.")
        draft.faults.append(Fault(path, line, "schema", message))
        return None


def _read_manifest(draft: Draft) -> bool:
    """Fill `raw` with what may be worked with; True if nothing had to be left out."""
    text = decoded(draft, MANIFEST)
    raw = _parsed(draft, text) if text is not None else None
    if text is None or raw is None:
        return False
    draft.lines = toml_lines.locate(text)
    wrongs = list(schema.wrongs(raw))
    draft.faults += [draft.at("schema", wrong.message, *wrong.path) for wrong in wrongs]
    draft.raw = schema.sound(raw, wrongs)
    return not wrongs


def _parsed(draft: Draft, text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        found = _TOML_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        said = _TOML_LINE.sub("", str(error)).strip() or type(error).__name__
        message = _("This is no TOML: %(said)s.", said=said.rstrip("."))
        draft.faults.append(Fault(MANIFEST, line, "schema", message))
        return None


def _open_templates(draft: Draft) -> None:
    for row in draft.rows("asset"):
        text = _text_of(draft, row, "file", _TEMPLATES[row["kind"]])
        if text is not None:
            draft.templates[row["key"]] = open_template(row["file"], text)
        if "style" in row and _text_of(draft, row, "style", ("css",)) is not None:
            draft.files[row["style"]] = draft.all_files[row["style"]]


def _text_of(draft: Draft, row: Row, key: str, endings: tuple[str, ...]) -> str | None:
    path = row[key]
    if extension(path) not in endings:
        said = _("This must be a .%(ending)s file.", ending=endings[0])
        draft.faults.append(draft.at_row("schema", said, row, key))
        return None
    if path not in draft.all_files:
        said = _("There is no file %(path)s in the kit.", path=path)
        draft.faults.append(draft.at_row("image.missing", said, row, key))
        return None
    return decoded(draft, path)


def _open_catalogs(draft: Draft) -> None:
    wanted = [tag for tag in draft.locales if tag != draft.source_locale]
    for tag in wanted:
        path = f"locales/{tag}.po"
        if path not in draft.all_files:
            said = _("There is no catalog %(path)s for this locale.", path=path)
            draft.faults.append(draft.at("locale.missing", said, "kit", "locales"))
        elif (text := decoded(draft, path)) is not None:
            draft.catalogs[tag] = catalogs.read(path, tag, text)
            draft.faults += draft.catalogs[tag].faults
    _refuse_extra_catalogs(draft, {f"locales/{tag}.po" for tag in wanted})


def _refuse_extra_catalogs(draft: Draft, wanted: set[str]) -> None:
    said = _("This language is not among the locales of kit.toml, or it is the source language.")
    for path in draft.all_files:
        if path.startswith("locales/") and path not in wanted:
            draft.faults.append(Fault(path, 1, "schema", said))


def _open_images(draft: Draft) -> None:
    if "cover" in draft.kit:
        _open_image(draft, draft.kit["cover"], "kit", "cover")
    for row in draft.rows("image"):
        _open_image(draft, row["file"], *row.where, "file")


def _open_image(draft: Draft, path: str, *where: str | int) -> None:
    kind = pictures.TYPES.get(extension(path))
    if kind is None:
        said = _("An image must be a .png, .jpg or .svg file.")
        draft.faults.append(draft.at("image.type", said, *where))
    elif path not in draft.all_files:
        said = _("There is no file %(path)s in the kit.", path=path)
        draft.faults.append(draft.at("image.missing", said, *where))
    else:
        _look_at(draft, path, kind)


def _look_at(draft: Draft, path: str, kind: str) -> None:
    if path in draft.pictures:
        return
    try:
        draft.pictures[path] = pictures.look_at(draft.all_files[path], kind)
        draft.files[path] = draft.all_files[path]
    except Invalid as refusal:
        draft.faults.append(Fault(path, 1, "image.type", refusal.message))

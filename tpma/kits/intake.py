"""Files of a kit into memory, from a folder or a zip archive, without trusting either.

Nothing is ever unpacked to disk. What is refused is named; the rest is read on.
"""

import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tpma.core.i18n import gettext as _
from tpma.kits.faults import Fault

LARGEST_FILE = 2 * 1024 * 1024  # bytes
LARGEST_KIT = 20 * 1024 * 1024
MOST_FILES = 200
MANIFEST = "kit.toml"

_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,4}")
_LONGEST_PATH = 200  # of the column that keeps it


@dataclass(slots=True)
class Intake:
    """The bytes of every file that may be looked at, by its path in the kit."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    size: int = 0

    def refuse(self, path: str, message: str) -> None:
        shown = "".join(c if c.isprintable() else "?" for c in path)[:_LONGEST_PATH]
        self.faults.append(Fault(shown, 1, "schema", message))

    def room_for(self, path: str, size: int) -> bool:
        """Is there room for one more file of `size` bytes? Refuses it if not."""
        if size > LARGEST_FILE:
            self.refuse(path, _("This file is larger than 2 MB. Make it smaller."))
        elif self.size + size > LARGEST_KIT or len(self.files) >= MOST_FILES:
            self.refuse(path, _("A kit may have 200 files and 20 MB in all. Take something out."))
        else:
            return True
        return False

    def keep(self, path: str, content: bytes) -> None:
        self.files[path] = content
        self.size += len(content)


def is_plain_path(path: str) -> bool:
    """Relative, no dots at the start of a part, nothing but letters, digits and . _ -"""
    return len(path) <= _LONGEST_PATH and _PATH.fullmatch(path) is not None


def from_folder(folder: Path) -> Intake:
    """Read a kit folder. Hidden files are passed over, links are refused."""
    taken = Intake()
    if not (folder / MANIFEST).is_file():
        taken.refuse(MANIFEST, _("There is no kit.toml here. A kit is a folder with one."))
        return taken
    for path in _walk(folder):
        _take_file(taken, path, path.relative_to(folder).as_posix())
    return taken


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        linked = [name for name in folders if (Path(root) / name).is_symlink()]
        for name in sorted(names + linked):
            if not name.startswith("."):
                yield Path(root) / name


def _take_file(taken: Intake, path: Path, name: str) -> None:
    if not is_plain_path(name):
        taken.refuse(name, _("Name files with letters, digits, dot, hyphen and underscore."))
        return
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            taken.refuse(name, _("Only plain files belong in a kit; this is a link or a device."))
        elif taken.room_for(name, found.st_size):
            taken.keep(name, path.read_bytes())
    except OSError:
        taken.refuse(name, _("This file cannot be read."))


def from_zip(archive: bytes) -> Intake:
    """Read an uploaded zip; a single folder around the kit is taken off."""
    taken = Intake()
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            _take_members(taken, opened)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError):
        taken.refuse(MANIFEST, _("This is not a zip archive we can read. Zip the kit folder."))
    if not taken.faults and MANIFEST not in taken.files:
        taken.refuse(MANIFEST, _("There is no kit.toml in the archive. Zip the kit folder."))
    return taken


def _take_members(taken: Intake, opened: zipfile.ZipFile) -> None:
    members = [m for m in opened.infolist() if not m.is_dir() and not _is_litter(m.filename)]
    if len(members) > MOST_FILES:
        taken.refuse(MANIFEST, _("A kit may have 200 files and 20 MB in all. Take something out."))
        return
    around = _folder_around([member.filename for member in members])
    for member in members:
        _take_member(taken, opened, member, member.filename.removeprefix(around))


def _is_litter(name: str) -> bool:
    """What operating systems add to archives by themselves."""
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1] in {".DS_Store", "Thumbs.db"}


def _folder_around(names: list[str]) -> str:
    """The folder that was zipped, with its slash, or nothing when the kit lies bare."""
    found = min((n for n in names if n.endswith("/" + MANIFEST)), key=len, default="")
    if MANIFEST in names or found.count("/") != 1:
        return ""
    return found.removesuffix(MANIFEST)


def _take_member(
    taken: Intake, opened: zipfile.ZipFile, member: zipfile.ZipInfo, name: str
) -> None:
    if not is_plain_path(name):
        taken.refuse(name, _("Name files with letters, digits, dot, hyphen and underscore."))
        return
    if stat.S_ISLNK(member.external_attr >> 16):
        taken.refuse(name, _("Only plain files belong in a kit; this is a link or a device."))
        return
    if name in taken.files:
        taken.refuse(name, _("This path is in the archive twice."))
        return
    _unpack(taken, opened, member, name)


def _unpack(taken: Intake, opened: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> None:
    """The size in the archive's list is a claim: read one byte more than allowed and see."""
    try:
        with opened.open(member) as packed:
            content = packed.read(LARGEST_FILE + 1)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError):
        taken.refuse(name, _("This file is damaged or encrypted in the archive."))
        return
    if taken.room_for(name, len(content)):
        taken.keep(name, content)

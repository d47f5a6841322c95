"""Which encoding a text file is written in, judged by a bounded part of it."""

import codecs
import re
from pathlib import Path

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _

# What spreadsheets of our markets write, by Python's name and the name people know it by.
ENCODINGS: dict[str, str] = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "cp1257": "Windows-1257",
    "cp874": "Windows-874",
    "cp932": "Shift_JIS",
    "euc_jp": "EUC-JP",
    "gb18030": "GB 18030",
    "big5": "Big5",
    "cp949": "EUC-KR",
    "koi8_r": "KOI8-R",
    "mac_roman": "Mac Roman",
    "cp850": "DOS 850",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
}
_LEGACY = [name for name in ENCODINGS if not name.startswith("utf")]
_WEST = frozenset("äöüßéèêëàâáãåæøœçñóòôõúùûíìîï€–’“”«»°ªº¿¡")
# In the order in which equals are tried: the commonest first.
_ALPHABETS: dict[str, frozenset[str]] = {
    "cp1252": _WEST,
    "cp1254": _WEST | frozenset("ğışİ"),
    "cp1250": frozenset("ąćęłńóśźżáčďéěíňřšťúůýžäöüßőűôľĺŕăâîşţđ€–’“”„«»°"),
    "mac_roman": _WEST,
    "cp850": _WEST,
}
_BLOCK = 64 * 1024
_SAMPLE = 24 * 1024

_KNOWN_BINARY = (
    (b"\xd0\xcf\x11\xe0", "xls"),
    (b"%PDF", "pdf"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"\x1f\x8b", "archive"),
    (b"Rar!", "archive"),
    (b"7z\xbc\xaf", "archive"),
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")  # not tab, breaks, form feed, Ctrl-Z


def spoken(encoding: str) -> str:
    return ENCODINGS.get(encoding, encoding)


def guess_encoding(path: Path) -> str:
    """A key of ENCODINGS that decodes the whole file. Raises Invalid for what is no text."""
    with path.open("rb") as file:
        head = file.read(_BLOCK)
    marked = _by_mark(head)
    if marked:
        return marked
    refuse_binary(head)
    bad = _first_byte_not_utf8(path)
    return "utf-8-sig" if bad is None else _legacy(path, head, bad)


def _by_mark(head: bytes) -> str:
    """By byte order mark, or by the rhythm of zero bytes that UTF-16 without a mark has."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    half = len(head) // 2
    if half and head[1::2].count(0) > half * 0.6 and head[::2].count(0) < half * 0.05:
        return "utf-16-le"
    if half and head[::2].count(0) > half * 0.6 and head[1::2].count(0) < half * 0.05:
        return "utf-16-be"
    return ""


def refuse_binary(head: bytes) -> None:
    """Raises Invalid if these first bytes are of no text file, saying what they look like."""
    kind = next((kind for sign, kind in _KNOWN_BINARY if head.startswith(sign)), "")
    if kind == "xls":
        raise Invalid(
            _("This workbook is in the old .xls format or locked by a password. Save it as .xlsx."),
            field="file",
        )
    if kind or len(_CONTROLS.findall(head)) > len(head) * 0.05:
        raise Invalid(
            _("This is not a list but some other kind of file. Upload a CSV or an XLSX file."),
            field="file",
        )


def _first_byte_not_utf8(path: Path) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    start = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if not _decodes(decoder, block):
                return start
            start += len(block)
    return None if _decodes(decoder, b"", final=True) else max(0, start - _BLOCK)


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _legacy(path: Path, head: bytes, bad: int) -> str:
    """The old encoding that reads most like language where UTF-8 does not fit."""
    with path.open("rb") as file:
        file.seek(bad)
        around = file.read(_BLOCK)
    from charset_normalizer import from_bytes  # 2 MB for old files alone

    sample = _cut(head, _SAMPLE) + _cut(_telling_lines(around), _SAMPLE)
    for name in [*_latin(sample), *(m.encoding for m in from_bytes(sample, cp_isolation=_LEGACY))]:
        if _fits(path, name):
            return name
    raise Invalid(
        _("We cannot tell how this file is encoded. Save the list as “CSV UTF-8”."), field="file"
    )


def _latin(sample: bytes) -> list[str]:
    """Code pages of Latin letters, likeliest first; none if the sample is in another script.

    A name or two with an umlaut is too little for statistics, but not for this: Latin words
    are ASCII for the most part, and their other letters are those of real alphabets.
    """
    words = b"".join(w for w in re.findall(rb"[A-Za-z\x80-\xff]+", sample) if not w.isascii())
    if not words or sum(byte < 0x80 for byte in words) < len(words) / 2:
        return []
    return sorted(_ALPHABETS, key=lambda name: -_in_alphabet(words, name))


def _in_alphabet(words: bytes, name: str) -> float:
    """Share of the letters beyond ASCII that the alphabets of this code page really use."""
    try:
        beyond = [c for c in words.decode(name) if not c.isascii()]
    except UnicodeDecodeError:
        return 0.0
    return sum(c in _ALPHABETS[name] or c.lower() in _ALPHABETS[name] for c in beyond) / len(beyond)


def _cut(part: bytes, most: int) -> bytes:
    """At most so many bytes, and no character cut in two: up to a line break."""
    if len(part) <= most:
        return part
    return part[: part.rfind(b"\n", 0, most) + 1] or part[:most]


def _telling_lines(block: bytes) -> bytes:
    """The lines that are not plain ASCII."""
    whole = _cut(block, _BLOCK - 1)
    return b"".join(line for line in whole.splitlines(True) if not line.isascii())


def _fits(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if not _decodes(decoder, block):
                return False
    return _decodes(decoder, b"", final=True)

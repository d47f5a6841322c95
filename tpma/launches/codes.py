"""Campaign codes, for example HC-SEC-7K3M9QA: minted by the platform, safe to mistype.

Shape: vendor prefix, kit key, six random Crockford base-32 characters and a check character
of ISO/IEC 7064 MOD 37-2 over all characters without hyphens. Its weights are powers of 2, of
order 36 modulo 37 and so longer than any code: every single wrong character and every swap of
two unequal ones is caught.
"""

import re
import secrets
import unicodedata
from collections.abc import Callable

from stdnum.iso7064 import mod_37_2

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U
_SHAPE = re.compile(r"[A-Z]{2,4}-[A-Z0-9]{2,6}-[0-9A-HJKMNP-TV-Z]{7}")
_MISREAD = str.maketrans("OIL", "011")
_SERIAL = 6


def mint(prefix: str, kit: str, choice: Callable[[str], str] = secrets.choice) -> str:
    """A fresh code; a serial whose check character could be misread is drawn again.

    About 928 million codes stand for one prefix and kit. Uniqueness is the database's to say.
    """
    while True:
        serial = "".join(choice(CROCKFORD) for _place in range(_SERIAL))
        check = mod_37_2.calc_check_digit(prefix + kit + serial)
        if check in CROCKFORD:
            return f"{prefix}-{kit}-{serial}{check}"


def is_valid(code: str) -> bool:
    """Whether the code has the shape and its check character is right."""
    return bool(_SHAPE.fullmatch(code)) and bool(mod_37_2.is_valid(code.replace("-", "")))


def normalise(text: str) -> str:
    """A code as people type it, in its one true form.

    NFKC, upper case, no white space, any dash is a hyphen; in the last group O reads as 0, I and
    L as 1. Hyphens are part of the code. Raises Invalid if it is malformed or mistyped.
    """
    folded = unicodedata.normalize("NFKC", text).upper()
    marked = "".join("-" if _is_dash(c) else c for c in folded if not c.isspace())
    head, _dash, tail = marked.rpartition("-")
    code = f"{head}-{tail.translate(_MISREAD)}" if len(tail) == _SERIAL + 1 else marked
    if not _SHAPE.fullmatch(code):
        raise Invalid(
            _("A campaign code looks like HC-SEC-7K3M9QA, with both hyphens."), field="code"
        )
    if not is_valid(code):
        raise Invalid(_("This code has a wrong character. Compare it once more."), field="code")
    return code


def _is_dash(character: str) -> bool:
    return unicodedata.category(character) == "Pd" or character == "\u2212"

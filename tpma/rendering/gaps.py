"""What an optional field leaves behind when it is empty: nothing, its separator neither.

"Ada · {{ brand.contact_title }}" reads "Ada" for a partner without a title, and of a line between
two breaks the line goes. The kit's language needs no conditions for it.
"""

import re

GAP = "\ue010"  # stands where an empty value was filled in
_INLINE = r"bdi|span|b|strong|em|i"
_EMPTY = re.compile(rf"<({_INLINE})(?:\s[^<>]*)?>\s*{GAP}\s*</\1>")
_PARTS = r"<br\s*/?>|[·|,،、–—]"
_AFTER = re.compile(rf"{GAP}\s*(?:{_PARTS})\s*")
_BEFORE = re.compile(rf"\s*(?:{_PARTS})\s*{GAP}")
_ALONE = re.compile(rf" ?{GAP}(?=\s|<|$)|{GAP} ?")


def closed(text: str) -> str:
    """The text without its gaps: each takes the separator behind it along, else that before it."""
    if GAP not in text:
        return text
    before = ""
    while before != text:
        before, text = text, _EMPTY.sub(GAP, text)
    while GAP in text:
        for pattern in (_AFTER, _BEFORE, _ALONE):
            text, found = pattern.subn("", text, count=1)
            if found:
                break
        else:
            text = text.replace(GAP, "", 1)
    return text

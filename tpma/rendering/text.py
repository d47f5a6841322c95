"""The plain-text alternative of a mail, made from its HTML."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "dd", "div", "dl", "dt", "figure"}
    | {"footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "li", "main", "nav", "ol", "p"}
    | {"pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul"}
)
_SPACED = frozenset(["h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "table", "ul"])
_SKIPPED = frozenset(["head", "style", "script", "title", "template", "svg"])
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_BREAK, _EDGE, _GAP, _CELL = "\x00", "\x01", "\x02", "\x03"


def plain_text(html: str) -> str:
    """What a reader sees of `html`, in lines; links as `text: address`. Hidden parts are left out.

    Lines are separated by \\n; there is none at the end.
    """
    body = LexborHTMLParser(html).body
    if body is None:
        return ""
    return _laid_out("".join(_pieces(body)))


def _pieces(node: LexborNode) -> Iterator[str]:
    child = node.child
    while child is not None:
        yield from _of(child)
        child = child.next


def _of(node: LexborNode) -> Iterator[str]:
    tag = node.tag or ""
    if tag == "-text":
        yield re.sub(r"[ \t\r\n\f]+", " ", node.text(deep=False) or "")
    elif tag.startswith("-") or tag in _SKIPPED or _is_hidden(node):
        return
    elif tag == "br":
        yield _BREAK
    elif tag == "a":
        yield _link(node)
    elif tag in ("td", "th"):
        yield from _pieces(node)
        yield _CELL
    elif tag in _BLOCKS:
        yield from _block(node, tag)
    else:
        yield from _pieces(node)


def _is_hidden(node: LexborNode) -> bool:
    return bool(_HIDDEN.search(node.attributes.get("style") or ""))


def _block(node: LexborNode, tag: str) -> Iterator[str]:
    edge = _GAP if tag in _SPACED or _is_paragraph(node, tag) else _EDGE
    yield edge
    if tag == "li":
        yield _marker(node)
    yield from _pieces(node)
    yield edge


def _is_paragraph(node: LexborNode, tag: str) -> bool:
    """MJML puts each text in a div of its own, with a font size."""
    return tag == "div" and "line-height" in (node.attributes.get("style") or "")


def _marker(node: LexborNode) -> str:
    if node.parent is None or node.parent.tag != "ol":
        return "- "
    place, before = 1, node.prev
    while before is not None:
        place += before.tag == "li"
        before = before.prev
    return f"{place}. "


def _link(node: LexborNode) -> str:
    address = node.attributes.get("href") or ""
    shown = " ".join(_laid_out("".join(_pieces(node))).split()) or _alternative(node)
    if not address or address.startswith("#") or shown == address:
        return shown
    if not shown:
        return f"<{address}>"
    return f"{shown}: {address}"


def _alternative(node: LexborNode) -> str:
    image = node.css_first("img")
    return (image.attributes.get("alt") or "").strip() if image is not None else ""


def _laid_out(marked: str) -> str:
    """Marks to line breaks: cells on one line, at most one empty line, no space at line ends."""
    edges = f"{_EDGE}{_GAP}"
    rows = re.sub(f"{_CELL}(?=[{edges} ]*[{edges}])", "", marked)
    rows = re.sub(f"[{edges} ]*{_CELL}[{edges} ]*", "  ", rows)
    rows = re.sub(f" *[{edges}][{edges} ]*", lambda run: "\n\n" if _GAP in run[0] else "\n", rows)
    lines = [line.strip(" ") for line in rows.replace(_BREAK, "\n").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n ")

"""Where in a template something stands: it decides what may stand there and how it is escaped."""

import re
from enum import StrEnum

_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*$")
_ELEMENT = re.compile(r"/?([A-Za-z][\w:-]*)")
_ADDRESSES = frozenset(
    {"href", "src", "srcset", "action", "formaction", "background", "background-url", "poster"}
    | {"data", "xlink:href", "cite"}
)
_PLAIN = frozenset({"title", "mj-title", "mj-preview"})
_STYLE = frozenset({"style", "mj-style", "script"})


class Place(StrEnum):
    HTML = "html"  # between tags: inline markup may stand here
    PLAIN = "plain"  # in an element that shows its content as it is written
    ATTRIBUTE = "attribute"
    ADDRESS = "address"  # an attribute that is an address; something stands before
    ADDRESS_START = "address_start"
    STYLE = "style"  # CSS, in an element or an attribute
    TAG = "tag"  # in a tag, outside a quoted value: nothing may stand here
    COMMENT = "comment"

    @property
    def quoted(self) -> bool:
        """No markup is possible here, only text."""
        return self not in (Place.HTML, Place.COMMENT)


class Position:
    """Reads markup as a browser would, just closely enough to know the place."""

    def __init__(self) -> None:
        self._quote = ""
        self._tag = ""  # what was read of the tag we are in
        self._value = ""
        self._element = ""
        self._comment = False

    def read(self, text: str) -> None:
        at = 0
        while at < len(text):
            at = self._step(text, at)

    def fill(self) -> None:
        """Something stood here that is not markup: an address has begun."""
        self._value += "x" if self._quote else ""

    @property
    def place(self) -> Place:
        if self._comment:
            return Place.COMMENT
        if self._quote:
            return self._attribute_place()
        if self._tag:
            return Place.TAG
        if self._element in _STYLE:
            return Place.STYLE
        return Place.PLAIN if self._element in _PLAIN else Place.HTML

    def _attribute_place(self) -> Place:
        found = _ATTRIBUTE.search(self._tag)
        name = found[1].lower() if found else ""
        if name == "style":
            return Place.STYLE
        if name in _ADDRESSES:
            return Place.ADDRESS if self._value.strip() else Place.ADDRESS_START
        return Place.ATTRIBUTE

    def _step(self, text: str, at: int) -> int:
        if self._comment:
            return self._leave_comment(text, at)
        if self._quote:
            return self._in_value(text, at)
        if self._tag:
            return self._in_tag(text, at)
        return self._in_content(text, at)

    def _leave_comment(self, text: str, at: int) -> int:
        end = text.find("-->", at)
        self._comment = end < 0
        return len(text) if end < 0 else end + 3

    def _in_value(self, text: str, at: int) -> int:
        end = text.find(self._quote, at)
        if end < 0:
            self._value += text[at:]
            return len(text)
        self._tag += self._quote
        self._quote = self._value = ""
        return end + 1

    def _in_tag(self, text: str, at: int) -> int:
        character = text[at]
        if character == ">":
            self._enter_or_leave_element()
            self._tag = ""
        elif character in "\"'":
            self._quote, self._value = character, ""
        else:
            self._tag += character
        return at + 1

    def _in_content(self, text: str, at: int) -> int:
        opening = text.find("<", at)
        if opening < 0:
            return len(text)
        if text.startswith("<!--", opening):
            self._comment = True
            return opening + 4
        if re.match(r"</?[A-Za-z]", text[opening : opening + 3]):
            self._tag = "<"
        return opening + 1

    def _enter_or_leave_element(self) -> None:
        found = _ELEMENT.match(self._tag[1:])
        closing = self._tag.startswith("</") or self._tag.endswith("/")
        self._element = found[1].lower() if found and not closing else ""

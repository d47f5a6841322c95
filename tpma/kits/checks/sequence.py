"""Who gets which mail when: the steps of a kit. Rules asset.complete and step."""

from collections.abc import Iterator

from tpma.core.i18n import gettext as _
from tpma.kits.draft import Draft
from tpma.kits.faults import Fault
from tpma.kits.schema import Row

_CLICKS = ("clicked", "not_clicked")
_DEEDS = ("clicked", "form")  # what a reader does, and what can be waited for
# Two mails of one hour that nobody can get both of.
_OPPOSITE = {"clicked": "not_clicked", "form": "not_form"}


def faults(draft: Draft) -> Iterator[Fault]:
    mails = [row for row in draft.rows("asset") if row["kind"] == "email"]
    for row in mails:
        yield from _first(draft, row)
        yield from _trigger(draft, row)
        yield from _link(draft, row, mails)
    yield from _together(draft, mails)


def _first(draft: Draft, row: Row) -> Iterator[Fault]:
    is_first = _moment(row) == (0, 0) and not _is_triggered(row)
    if "subject_b" in row and not is_first:
        message = _("Two subjects are tried with the first mail alone.")
        yield draft.at_row("step", message, row, "subject_b")
    if is_first and _condition(row) != "all":
        message = _("The first mail has no earlier one. Take the condition out.")
        yield draft.at_row("asset.complete", message, row, "condition")


def _trigger(draft: Draft, row: Row) -> Iterator[Fault]:
    condition = _condition(row)
    if _is_triggered(row) and condition not in _DEEDS:
        message = _("Only a click or a form is a trigger: write condition clicked or form.")
        yield draft.at_row("step", message, row, "after")
    if condition == "form" and row.get("exit_on_form"):
        message = _("This mail is for those who sent the form; they cannot be left out of it.")
        yield draft.at_row("step", message, row, "exit_on_form")


def _link(draft: Draft, row: Row, mails: list[Row]) -> Iterator[Fault]:
    link = row.get("link")
    if link is None:
        return
    if _condition(row) not in _CLICKS:
        message = _("A link belongs to the conditions clicked and not_clicked.")
        yield draft.at_row("step", message, row, "link")
    elif not any(_holds(draft, mail, link) for mail in mails if _order(mail) < _order(row)):
        message = _("No earlier mail has the link %(link)s.", link=link)
        yield draft.at_row("step", message, row, "link")


def _holds(draft: Draft, mail: Row, link: str) -> bool:
    template = draft.templates.get(mail["key"])
    if template is None:
        return True  # it cannot be read, and that is told already
    return any(name == f"link.{link}" for name, _line in template.fields)


def _together(draft: Draft, mails: list[Row]) -> Iterator[Fault]:
    met: list[Row] = []
    for row in mails:
        if any(collide(row, other) for other in met):
            message = _("Two mails of one moment would arrive together. Choose another day.")
            yield draft.at_row("asset.complete", message, row, "day")
        met.append(row)


def collide(one: Row, other: Row) -> bool:
    """Planned mails of one hour, but for opposite halves; or one deed that sends two at once."""
    if _order(one) != _order(other):
        return False
    ways, links = (_condition(one), _condition(other)), (one.get("link"), other.get("link"))
    if _is_triggered(one):
        return ways[0] == ways[1] and (links[0] == links[1] or None in links)
    halves = _OPPOSITE.get(ways[0]) == ways[1] or _OPPOSITE.get(ways[1]) == ways[0]
    return not (halves and links[0] == links[1])


def _order(row: Row) -> tuple[bool, int, int]:
    return (_is_triggered(row), *_moment(row))


def _moment(row: Row) -> tuple[int, int]:
    return row["day"], row.get("hours", 0)


def _is_triggered(row: Row) -> bool:
    return bool(row.get("after") == "trigger")


def _condition(row: Row) -> str:
    return str(row.get("condition", "all")).replace("none", "all")

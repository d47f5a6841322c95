"""Links and images: link.target, link.count, image.type."""

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from tpma.core.i18n import gettext as _
from tpma.core.text import registrable_domain
from tpma.kits.draft import Draft
from tpma.kits.faults import Fault
from tpma.kits.fields import used_in
from tpma.kits.pictures import SVG
from tpma.rendering.mail import MOST_LINKS

TARGETS = frozenset({"page", "brand.url", "brand.privacy_url"})
_LOCAL = (".localhost", ".local", ".internal", ".lan", ".home", ".corp", ".test", ".invalid")
_WRITTEN_OUT = re.compile(r"\s*(?:https?:|ftp:|//)", re.I)


def faults(draft: Draft) -> Iterator[Fault]:
    used = _used(draft)
    for row in draft.rows("link"):
        if said := wrong_target(row["target"]):
            yield draft.at_row("link.target", said, row, "target")
        if f"link.{row['key']}" not in used:
            message = _("The link %(key)s is not used anywhere. Take it out.", key=row["key"])
            yield draft.at_row("link.target", message, row, "key")
    yield from _too_many(draft)
    yield from _written_out(draft)
    yield from _drawings_in_mails(draft)


def _used(draft: Draft) -> set[str]:
    names = {name for t in draft.templates.values() for name, _line in t.fields}
    return names | {name for source in draft.sources for name in used_in(source.text)}


def wrong_target(target: str) -> str | None:
    """What is wrong with the target of a link, or None."""
    if target in TARGETS:
        return None
    try:
        parts = urlsplit(target)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme != "https" or not re.fullmatch(r"[\x21-\x7e]+", target):
        return _("Write page, brand.url, brand.privacy_url or an address with https://.")
    if parts.username or parts.password or port not in (None, 443):
        return _("Write the address without user, password and port.")
    return None if _is_public(host) else _("%(host)s is no public host.", host=host or target)


def _is_public(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        numeric = re.fullmatch(r"[0-9a-fx.]*[0-9]", host.rsplit(".", 1)[-1]) is not None
        local = host.endswith(_LOCAL) or "." not in host
        return not numeric and not local and registrable_domain(host) is not None
    return False


def _too_many(draft: Draft) -> Iterator[Fault]:
    """The first link of a mail there is no number left for; each mail counts its links once."""
    declared = {f"link.{row['key']}" for row in draft.rows("link")}
    free = MOST_LINKS
    for _row, template in draft.of_kind("email"):
        used = {name: line for name, line in reversed(template.fields) if name in declared}
        if len(used) > free:
            message = _("A kit may have at most %(most)s links in its mails.", most=MOST_LINKS)
            yield Fault(template.file, sorted(used.values())[free], "link.count", message)
        free = max(0, free - len(used))


def _written_out(draft: Draft) -> Iterator[Fault]:
    """An address in a template would be followed by nobody: it carries no campaign code."""
    for template in draft.templates.values():
        for tag in template.tags:
            for name in ("href", "src", "background-url"):
                if _WRITTEN_OUT.match(tag.attributes.get(name, "")):
                    message = _("Declare this address under [[link]] or [[image]] in kit.toml.")
                    yield Fault(template.file, tag.line, "link.target", message)


def _drawings_in_mails(draft: Draft) -> Iterator[Fault]:
    drawn = {
        f"image.{row['key']}"
        for row in draft.rows("image")
        if row["file"] in draft.pictures and draft.pictures[row["file"]].content_type == SVG
    }
    for _row, template in draft.of_kind("email"):
        for name, line in template.fields:
            if name in drawn:
                message = _("Mail programs show no SVG. Use a .png or .jpg in mails.")
                yield Fault(template.file, line, "image.type", message)

"""Tags of templates: html.unsafe, image.alt, mail.unsubscribe, mail.legal_footer, closed tags."""

import re
from collections.abc import Iterator

from tpma.core.i18n import gettext as _
from tpma.kits.draft import Draft
from tpma.kits.faults import Fault, extension
from tpma.kits.fields import used_in, words
from tpma.kits.templates import Tag, Template, open_template

UNSAFE_TAGS = words(
    "script style iframe frame frameset object embed applet form input button select "
    "textarea base meta link portal noscript template slot dialog svg math foreignobject"
)
_ADDRESSES = frozenset({"href", "src", "action", "formaction", "background", "xlink:href"})
_CODE = re.compile(r"^[\s\x00-\x1f]*(?:javascript|vbscript|data|file)\s*:", re.I)
_CSS_REACHES_OUT = re.compile(r"@import|url\s*\(|expression\s*\(|-moz-binding|behavior\s*:", re.I)
_SVG_UNSAFE = frozenset({"script", "foreignobject", "iframe", "object", "embed", "a", "style"})
_INLINE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=\s]*", re.I)


def faults(draft: Draft) -> Iterator[Fault]:
    for row, template in draft.of_kind("email", "landing_page", "pdf"):
        yield from _unsafe(template, row["kind"])
        yield from _alt(template, row["kind"])
        if row["kind"] == "email":
            yield from _mail(template)
        else:
            yield from _unclosed(template)
    yield from _styles(draft)
    yield from _drawings(draft)


def _unclosed(template: Template) -> Iterator[Fault]:
    for tag, line in template.unbalanced:
        message = _("<%(tag)s> is not closed where it should be.", tag=tag)
        yield Fault(template.file, line, "template", message)


def _unsafe(template: Template, kind: str) -> Iterator[Fault]:
    for tag in template.tags:
        if tag.name in UNSAFE_TAGS:
            message = _("<%(tag)s> may not stand in a kit.", tag=tag.name)
            yield Fault(template.file, tag.line, "html.unsafe", message)
        for said in _unsafe_attributes(tag, styled=kind != "landing_page"):
            yield Fault(template.file, tag.line, "html.unsafe", said)


def _unsafe_attributes(tag: Tag, *, styled: bool) -> Iterator[str]:
    for name, value in tag.attributes.items():
        if name.startswith("on") or name in ("srcdoc", "srcset", "ping", "http-equiv"):
            yield _("The attribute %(name)s may not stand in a kit.", name=name)
        if name in _ADDRESSES and _CODE.match(value):
            yield _("This address could run code. Use {{ link.key }}.")
        if name == "style" and not styled:
            yield _("A landing page has no style attributes: use the classes of the platform.")
        elif name == "style" and _CSS_REACHES_OUT.search(value):
            yield _("A style may not load anything.")


def _alt(template: Template, kind: str) -> Iterator[Fault]:
    for tag in template.tags:
        if tag.name not in ("img", "mj-image") or "mj-attributes" in tag.path:
            continue
        alt = tag.attributes.get("alt")
        if alt is None or (kind == "email" and not alt.strip()):
            message = _("Say in alt what the picture shows.")
            yield Fault(template.file, tag.line, "image.alt", message)


def _mail(template: Template) -> Iterator[Fault]:
    targets = {
        name
        for tag in template.tags
        if tag.name in ("a", "mj-button") and "mj-head" not in tag.path
        for name in used_in(tag.attributes.get("href", ""))
    }
    if "link.unsubscribe" not in targets:
        message = _('Every mail needs a link a reader sees: <a href="{{ link.unsubscribe }}">.')
        yield Fault(template.file, 1, "mail.unsubscribe", message)
    if "legal.footer" not in used_in(template.shown):
        message = _("Every mail needs {{ legal.footer }} in a text a reader sees.")
        yield Fault(template.file, 1, "mail.legal_footer", message)


def _styles(draft: Draft) -> Iterator[Fault]:
    for path, data in draft.files.items():
        if extension(path) == "css":
            yield from _reaching_out(path, data.decode("utf-8-sig"))
    for _row, template in draft.of_kind("email"):
        for text, line in template.styles:
            yield from _reaching_out(template.file, text, line)


def _reaching_out(path: str, text: str, first: int = 1) -> Iterator[Fault]:
    for number, line in enumerate(text.split("\n"), start=first):
        if _CSS_REACHES_OUT.search(line):
            message = _("A style may not load anything.")
            yield Fault(path, number, "html.unsafe", message)


def _drawings(draft: Draft) -> Iterator[Fault]:
    """Nothing in an SVG may run or be fetched, wherever it is shown."""
    for path in draft.pictures:
        if extension(path) == "svg":
            text = draft.all_files[path].decode("utf-8-sig", errors="replace")
            for tag in open_template(path, text).tags:
                for said in _unsafe_in_drawing(tag):
                    yield Fault(path, tag.line, "html.unsafe", said)


def _unsafe_in_drawing(tag: Tag) -> Iterator[str]:
    if tag.name.split(":")[-1] in _SVG_UNSAFE:
        yield _("<%(tag)s> may not stand in an SVG.", tag=tag.name)
    for name, value in tag.attributes.items():
        if name.startswith("on"):
            yield _("The attribute %(name)s may not stand in a kit.", name=name)
        inside = value.startswith("#") or _INLINE.fullmatch(value)
        if (
            name.split(":")[-1] in ("href", "src")
            and not inside
            or re.search(r"url\s*\(\s*[\"']?\s*[^#\s\"']", value, re.I)
        ):
            yield _("An SVG may not load anything.")

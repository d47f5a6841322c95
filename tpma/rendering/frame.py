"""The frame of every page a reader sees: head, both logos, footer with the legal data."""

from dataclasses import dataclass
from html import escape

from tpma.localization.rules import direction
from tpma.rendering.facts import BrandFacts, LogoFacts, VendorFacts
from tpma.rendering.footer import legal_line
from tpma.rendering.page_texts import language_of, say

PUBLIC_CSS = "/static/public.css"


@dataclass(frozen=True, slots=True)
class Frame:
    """What pages of one partner and language share. `header` and `legal` are HTML."""

    tag: str
    partner: str  # its name, "" on a page of no partner
    header: str = ""
    narrow_header: str = ""
    legal: str = ""
    privacy_url: str = ""
    brand_css_url: str = ""
    contact: str = ""  # how a reader reaches the partner, plain text
    code: str = ""


def frame_of(
    tag: str, brand: BrandFacts, vendor: VendorFacts, brand_css_url: str, code: str = ""
) -> Frame:
    """The frame of a partner's pages. Raises Invalid where there is no legal text in `tag`."""
    company = brand.company
    own, other = _picture(brand.logo, company.name), _picture(vendor.logo, vendor.company.name)
    return Frame(
        tag=tag,
        partner=company.name,
        header=_bar(own, company.website, _with(tag, other)),
        narrow_header=f'<header class="w bar n">{own}</header>',
        legal=escape(legal_line(company, "", tag)),
        privacy_url=brand.privacy_url,
        brand_css_url=brand_css_url,
        contact=brand.contact_email or company.email or company.phone,
        code=code,
    )


def plain_frame(tag: str) -> Frame:
    """For pages that belong to no partner: a link that names nothing we know."""
    return Frame(tag=language_of(tag), partner="")


def document(
    frame: Frame,
    title: str,
    main: str,
    *,
    description: str = "",
    preferences_url: str = "",
    narrow: bool = True,
    style_url: str = "",
) -> str:
    """A whole HTML document around `main`, which holds its `main` element."""
    full_title = " · ".join(filter(None, (title, frame.partner)))
    header = frame.narrow_header if narrow else frame.header
    return (
        f'<!doctype html>\n<html lang="{escape(frame.tag)}" dir="{direction(frame.tag)}">\n<head>'
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(full_title)}</title>"
        + (f'<meta name="description" content="{escape(description)}">' if description else "")
        + '<meta name="robots" content="noindex"><meta name="referrer" content="same-origin">'
        + _styles(frame, style_url)
        + f"</head>\n<body>{header}\n{main}\n{_footer(frame, preferences_url, narrow)}"
        "</body></html>\n"
    )


def _styles(frame: Frame, own: str) -> str:
    addresses = filter(None, (PUBLIC_CSS, frame.brand_css_url, own))
    return "".join(f'<link rel="stylesheet" href="{escape(address)}">' for address in addresses)


def _picture(logo: LogoFacts, name: str) -> str:
    size = f'width="{logo.width}" height="{logo.height}"'
    image = f'<img src="{escape(logo.url)}" alt="{escape(name)}" {size}>'
    if not logo.reversed_url:
        return image
    dark = f'<source media="(prefers-color-scheme:dark)" srcset="{escape(logo.reversed_url)}">'
    return f"<picture>{dark}{image}</picture>"


def _with(tag: str, picture: str) -> str:
    return f'<div class="with"><span>{escape(say(tag, "with"))}</span>{picture}</div>'


def _bar(own: str, website: str, other: str) -> str:
    linked = f'<a href="{escape(website)}">{own}</a>' if website.startswith("https://") else own
    return f'<header class="w bar">{linked}{other}</header>'


def _footer(frame: Frame, preferences_url: str, narrow: bool) -> str:
    links = [
        f'<a href="{escape(address)}">{escape(say(frame.tag, name))}</a>'
        for name, address in (("privacy", frame.privacy_url), ("preferences", preferences_url))
        if address
    ]
    if frame.code:
        links.append(f'<span dir="ltr">{escape(frame.code)}</span>')
    if not (frame.legal or links):
        return ""
    wide = "w n" if narrow else "w"
    return (
        f'<footer><div class="{wide}"><div>{frame.legal}</div>'
        f"<div>{' · '.join(links)}</div></div></footer>"
    )

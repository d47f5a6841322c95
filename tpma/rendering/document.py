"""From a kit's PDF template to the HTML that becomes a tagged PDF."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from selectolax.lexbor import LexborHTMLParser

from tpma.localization.rules import direction, page_language
from tpma.rendering import merge
from tpma.rendering.colour import readable_on_white
from tpma.rendering.content import KitContent
from tpma.rendering.facts import BrandFacts, LaunchFacts, VendorFacts
from tpma.rendering.links import direct_links
from tpma.rendering.template import expand, fill_plain

A4 = "A4"
LETTER = "Letter"
# Territories whose paper is US Letter (CLDR supplemental data, measurementData/paperSize).
_LETTER = frozenset({"US", "CA", "MX", "BZ", "CL", "CO", "CR", "GT", "NI", "PA", "PH", "PR"}) | {
    "SV",
    "VE",
}


@dataclass(frozen=True, slots=True)
class PdfSource:
    """A whole HTML document, and the addresses of the images it needs, as they stand in it."""

    html: str
    assets: tuple[str, ...]


def paper_for(country: str) -> str:
    """The paper of a country (ISO 3166-1), A4 where nothing else is known."""
    return LETTER if country in _LETTER else A4


def compile_pdf(
    content: KitContent,
    asset_key: str,
    served_locale: str,
    *,
    requested: str,
    brand: BrandFacts,
    vendor: VendorFacts,
    launch: LaunchFacts,
    slots: Mapping[str, str],
    paper: str = A4,
    marks: bool = False,
) -> PdfSource:
    """The kit's document in the partner's colours; `slots` as in `compile_mail`."""
    asset = content.asset(asset_key)
    tag = page_language(requested, served_locale)
    facts = merge.facts(tag, brand, vendor, launch)
    values = {**facts, **direct_links(content, asset_key, brand, launch, "print")}
    texts = merge.asset_texts(content, asset_key, served_locale)
    own = merge.of_asset(slots, asset_key)
    body = expand(asset.source, texts, own, values, marks=marks)
    title = own.get("subject") or fill_plain(texts["subject"], facts)
    html = (
        f'<!doctype html>\n<html lang="{escape(tag)}" dir="{direction(tag)}"><head>'
        f'<meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="author" content="{escape(brand.company.legal_name)}">'
        f"<style>{_base_style(paper)}</style><style>{asset.style}</style>"
        f"<style>{_brand_style(brand)}</style></head>\n<body>{body}</body></html>\n"
    )
    return PdfSource(html, _images(body))


def _base_style(paper: str) -> str:
    return (
        f"@page{{size:{paper};margin:13mm 17mm 14mm}}"
        'html{font-family:"tpma",sans-serif}body{margin:0}'
    )


def _brand_style(brand: BrandFacts) -> str:
    colour = brand.colour
    return (
        f".brand-bg{{background:{colour};color:{brand.colour_text}}}"
        f".brand-fg{{color:{readable_on_white(colour)}}}"
        f".brand-line{{border-color:{colour}}}"
    )


def _images(body: str) -> tuple[str, ...]:
    found = (image.attributes.get("src") for image in LexborHTMLParser(body).css("img"))
    return tuple(dict.fromkeys(source for source in found if source))

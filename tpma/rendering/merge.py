"""The merge fields of a rendering, and the kit's texts in one language."""

from collections.abc import Mapping
from typing import TypeVar

from tpma.localization.rules import PSEUDO, direction, pseudo
from tpma.rendering.content import KitContent
from tpma.rendering.facts import BrandFacts, CompanyFacts, LaunchFacts, LogoFacts, VendorFacts
from tpma.rendering.footer_texts import one_line

T = TypeVar("T")

# Names without quotes, so that they can stand in any attribute.
_FONTS = {
    "ar": "Noto Sans Arabic,Tahoma,Arial,sans-serif",
    "ja": "Hiragino Sans,Yu Gothic,Meiryo,Noto Sans JP,sans-serif",
    "ko": "Apple SD Gothic Neo,Malgun Gothic,Noto Sans KR,sans-serif",
    "zh": "PingFang SC,Microsoft YaHei,Noto Sans SC,sans-serif",
}
_LATIN = "Inter,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif"


def facts(tag: str, brand: BrandFacts, vendor: VendorFacts, launch: LaunchFacts) -> dict[str, str]:
    """Every merge field but links, persons and blocks; `tag` is the language of the asset."""
    return {
        **_brand(brand, tag),
        **_logo("brand", brand.logo),
        "vendor.name": vendor.company.name,
        "vendor.legal_name": vendor.company.legal_name,
        "vendor.url": vendor.company.website,
        **_logo("vendor", vendor.logo),
        "launch.code": launch.code,
        **{f"image.{key}": address for key, address in launch.image_urls.items()},
        **_locale(tag),
    }


def _brand(brand: BrandFacts, tag: str) -> dict[str, str]:
    company: CompanyFacts = brand.company
    return {
        "brand.name": company.name,
        "brand.legal_name": company.legal_name,
        "brand.url": company.website,
        "brand.phone": brand.contact_phone or company.phone,
        "brand.email": brand.contact_email or company.email,
        "brand.contact_name": brand.contact_name,
        "brand.contact_title": brand.contact_title,
        "brand.address": one_line(company.address_lines, tag),
        "brand.privacy_url": brand.privacy_url,
        "brand.colour": brand.colour,
        "brand.colour_text": brand.colour_text,
    }


def _logo(owner: str, logo: LogoFacts) -> dict[str, str]:
    return {
        f"{owner}.logo": logo.url,
        f"{owner}.logo_reversed": logo.reversed_url,
        f"{owner}.logo_width": str(logo.width),
        f"{owner}.logo_height": str(logo.height),
    }


def _locale(tag: str) -> dict[str, str]:
    way = direction(tag)
    language = "ar" if tag == "ar-XB" else tag.split("-")[0]
    return {
        "locale.tag": tag,
        "locale.dir": way,
        "locale.start": "right" if way == "rtl" else "left",
        "locale.end": "left" if way == "rtl" else "right",
        "locale.font": _FONTS.get(language, _LATIN),
    }


def text_of(content: KitContent, unit_id: str, locale: str) -> str:
    """A unit's text in a locale of the kit or a pseudo-locale. KeyError if there is none."""
    if locale in PSEUDO:
        return pseudo(content.text(unit_id, content.source_locale), locale)
    return content.text(unit_id, locale)


def asset_texts(content: KitContent, asset: str, locale: str) -> dict[str, str]:
    """The texts of one asset by their own ids, without the asset's key."""
    prefix = f"{asset}."
    own = (unit for unit in content.units if unit.startswith(prefix))
    return {
        unit.removeprefix(prefix): text_of(content, unit, locale)
        for unit in own
        if locale in PSEUDO or locale in content.units[unit].texts
    }


def of_asset(given: Mapping[str, T], asset: str) -> dict[str, T]:
    """What is given for one asset, by its own keys: `<asset>.<key>` or `<key>` alone will do."""
    prefix = f"{asset}."
    return {
        key.removeprefix(prefix): value
        for key, value in given.items()
        if key.startswith(prefix) or "." not in key
    }

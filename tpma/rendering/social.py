"""A ready post for a network: plain text with the landing page's marked address."""

from collections.abc import Mapping

from tpma.localization.rules import page_language
from tpma.rendering import merge
from tpma.rendering.content import KitContent
from tpma.rendering.facts import BrandFacts, LaunchFacts, VendorFacts
from tpma.rendering.links import direct_links, page_address, utm
from tpma.rendering.template import expand

__all__ = ["compile_post", "page_address", "utm"]


def compile_post(
    content: KitContent,
    asset_key: str,
    served_locale: str,
    *,
    requested: str,
    brand: BrandFacts,
    vendor: VendorFacts,
    launch: LaunchFacts,
    slots: Mapping[str, str],
) -> str:
    """The post as it is copied into the network; `slots` as in `compile_mail`."""
    asset = content.asset(asset_key)
    tag = page_language(requested, served_locale)
    values = {
        **merge.facts(tag, brand, vendor, launch),
        **direct_links(content, asset_key, brand, launch, "social"),
    }
    texts = merge.asset_texts(content, asset_key, served_locale)
    own = merge.of_asset(slots, asset_key)
    return expand(asset.source, texts, own, values, markup=False).strip() + "\n"

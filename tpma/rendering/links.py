"""Where the links of a kit lead when nobody follows them for us, and how visits are marked."""

from urllib.parse import urlencode, urlsplit, urlunsplit

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.rendering.content import KitContent, LinkSpec
from tpma.rendering.facts import BrandFacts, LaunchFacts

PAGE = "page"


def utm(launch: LaunchFacts, medium: str, content: str) -> dict[str, str]:
    """The parameters every visit of a launch carries; `content` is `<asset>.<link key>`."""
    return {
        "utm_id": launch.code,
        "utm_campaign": launch.kit_slug,
        "utm_source": launch.partner_slug,
        "utm_medium": medium,
        "utm_content": content,
        "utm_source_platform": "tpma",
    }


def page_address(launch: LaunchFacts, medium: str, content: str) -> str:
    """The landing page's address for visits from this medium."""
    parts = urlsplit(launch.page_url)
    query = "&".join(filter(None, (parts.query, urlencode(utm(launch, medium, content)))))
    return urlunsplit(parts._replace(query=query))


def target_address(link: LinkSpec, brand: BrandFacts) -> str:
    """The address a link's target stands for; PAGE for the landing page.

    Raises Invalid, naming the field, if the partner has not filled it in.
    """
    if link.target == PAGE or link.target.startswith("https://"):
        return link.target
    known = {"brand.url": brand.company.website, "brand.privacy_url": brand.privacy_url}
    address = known.get(link.target, "")
    if not address:
        raise Invalid(
            _("The link %(key)s needs %(target)s: fill it in.", key=link.key, target=link.target),
            field=link.target,
        )
    return address


def direct_links(
    content: KitContent, asset: str, brand: BrandFacts, launch: LaunchFacts, medium: str
) -> dict[str, str]:
    """`link.<key>` → address, for what carries no signed links: pages, PDFs, posts."""
    found: dict[str, str] = {}
    for link in content.links:
        if link.target == PAGE:
            address = page_address(launch, medium, f"{asset}.{link.key}")
        elif link.target.startswith("https://") or _is_filled(link, brand):
            address = target_address(link, brand)
        else:
            continue
        found[f"link.{link.key}"] = address
    return found


def _is_filled(link: LinkSpec, brand: BrandFacts) -> bool:
    return bool(brand.privacy_url if link.target == "brand.privacy_url" else brand.company.website)

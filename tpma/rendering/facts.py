"""What a rendering is told of the partner, the vendor, the launch and the reader."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict


@dataclass(frozen=True, slots=True)
class LogoFacts:
    """Addresses of a logo for light and dark ground, and its display size in px."""

    url: str
    reversed_url: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """A sender as law and reader want to know it; `legal` by the keys of `footer.FIELDS`."""

    name: str
    legal_name: str
    country: str
    address_lines: tuple[str, ...]
    website: str = ""
    email: str = ""
    phone: str = ""
    legal: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BrandFacts:
    company: CompanyFacts
    logo: LogoFacts
    colour: str  # #RRGGBB
    colour_text: str  # readable on it
    contact_name: str = ""
    contact_title: str = ""
    contact_email: str = ""
    contact_phone: str = ""
    privacy_url: str = ""
    imprint_url: str = ""


@dataclass(frozen=True, slots=True)
class VendorFacts:
    company: CompanyFacts
    logo: LogoFacts


@dataclass(frozen=True, slots=True)
class LaunchFacts:
    """`page_url` is the landing page's public address, `base_url` this installation's."""

    code: str
    base_url: str
    page_url: str
    partner_slug: str
    kit_slug: str
    image_urls: Mapping[str, str] = field(default_factory=dict)  # image key → address
    tracks_readers: bool = True  # whether mails may tell who opened and clicked


@dataclass(frozen=True, slots=True)
class Person:
    """The reader, as far as a mail may know them."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    country: str = ""  # ISO 3166-1; decides the legal footer


class Given(TypedDict):
    """What every compilation of a kit is told, by the names of its parameters: the language that
    was asked for, who speaks, and the partner's own words by `<asset>.<slot>`."""

    requested: str
    brand: BrandFacts
    vendor: VendorFacts
    launch: LaunchFacts
    slots: Mapping[str, str]

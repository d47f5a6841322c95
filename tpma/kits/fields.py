"""The merge fields a kit may use, as one table; docs/kit-format.md says what each one is."""

import re


def words(text: str) -> frozenset[str]:
    """A set written as a line of words."""
    return frozenset(text.split())


PERSON = frozenset({"person.first_name", "person.last_name", "person.company"})
MAIL_ONLY = PERSON | {"link.unsubscribe", "legal.footer"}
PAGE_ONLY = frozenset({"form"})
EVERYWHERE = words(
    "brand.name brand.legal_name brand.url brand.phone brand.email brand.contact_name "
    "brand.contact_title brand.address brand.privacy_url brand.colour brand.colour_text "
    "brand.logo brand.logo_reversed brand.logo_width brand.logo_height vendor.name "
    "vendor.legal_name vendor.url vendor.logo vendor.logo_reversed vendor.logo_width "
    "vendor.logo_height launch.code locale.tag locale.dir locale.start locale.end "
    "locale.font"
)
IN_FORM_TEXTS = words(
    "brand.name brand.legal_name brand.url brand.phone brand.email brand.contact_name "
    "brand.contact_title brand.address vendor.name vendor.legal_name vendor.url"
)
"""What consents and the words around the form may name: facts in words, nothing to look at."""

_FIELD = re.compile(r"\{\{\s*([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?)\s*\}\}")
_ANY_TAG = re.compile(r"\{\{|\}\}|\{%|%\}")


def of_kind(kind: str) -> frozenset[str]:
    """The fields a template of this kind may use, links and images left aside."""
    if kind == "email":
        return EVERYWHERE | MAIL_ONLY
    return EVERYWHERE | PAGE_ONLY if kind == "landing_page" else EVERYWHERE


def used_in(text: str) -> list[str]:
    """The merge fields of a text in their order, each as often as it stands there."""
    return _FIELD.findall(text)


def has_other_tags(text: str) -> bool:
    """Does something like a tag stand in the text that is no merge field?"""
    return _ANY_TAG.search(_FIELD.sub("", text)) is not None

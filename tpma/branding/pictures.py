"""The bytes behind the addresses a document shows: logos and pictures of kits, nothing else."""

import base64
import re
from collections.abc import Iterable

from sqlalchemy.orm import Session

from tpma.branding import queries, vendors
from tpma.core.errors import NotFound
from tpma.kits import queries as kits

Picture = tuple[bytes, str]  # content, content type

_KIT = re.compile(r"/k/([0-9a-f]{64})\.[a-z]+")
_LOGO = re.compile(r"/b/([0-9a-f]{64})\.png")
_VENDOR = re.compile(r"/b/vendor/([a-z0-9-]+)\.png")
# One transparent pixel: a logo that is not uploaded yet leaves its place empty.
_NOTHING = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)


def pictures(session: Session, addresses: Iterable[str], base_url: str) -> dict[str, Picture]:
    """What a PDF is given beside its HTML, by the addresses that stand in it."""
    return {address: _picture(session, address, base_url) for address in addresses}


def _picture(session: Session, address: str, base_url: str) -> Picture:
    try:
        return _found(session, address.removeprefix(base_url))
    except NotFound:
        return _NOTHING, "image/png"


def _found(session: Session, path: str) -> Picture:
    if kit := _KIT.fullmatch(path):
        file = kits.file_by_sha(session, kit[1])
        return file.content, file.content_type
    if logo := _LOGO.fullmatch(path):
        return queries.logo_by_sha(session, logo[1]), "image/png"
    if vendor := _VENDOR.fullmatch(path):
        return vendors.logo_png(session, vendor[1]), "image/png"
    raise NotFound(path)

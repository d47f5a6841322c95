"""The data sheet a visitor gets for the form: a link that opens for a week, made by sending it."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from tpma.branding import pictures
from tpma.core.errors import NotFound
from tpma.core.signing import Signer
from tpma.kits import queries as kits
from tpma.launches import compiling, previews
from tpma.launches.models import Launch
from tpma.rendering.document import PdfSource

OPEN_FOR = timedelta(days=7)


def token(signer: Signer, launch_id: UUID, now: datetime) -> str:
    return signer.token(int(now.timestamp()), _purpose(launch_id))


def opens(signer: Signer, launch_id: UUID, shown: str, now: datetime) -> bool:
    """Whether this token was made for this launch within the week."""
    try:
        made = signer.subject(shown, _purpose(launch_id))
    except NotFound:
        return False
    return made <= now.timestamp() < made + OPEN_FOR.total_seconds()


def _purpose(launch_id: UUID) -> str:
    return f"sheet-{launch_id.hex[-10:]}"  # 16 bytes are all a purpose may have


def asset_of(session: Session, launch: Launch) -> str | None:
    """The key of the kit's first PDF, if it has one."""
    content = kits.content(session, launch.kit_version_id)
    return next((asset.key for asset in content.assets if asset.kind == "pdf"), None)


def source(
    session: Session, launch: Launch, locale: str, base_url: str
) -> tuple[PdfSource, dict[str, tuple[bytes, str]]]:
    """The sheet in the page's language with its pictures. Raises NotFound if there is none."""
    asset = asset_of(session, launch)
    if asset is None:
        raise NotFound("This kit has no data sheet.")
    plan = compiling.drawing(session, launch, base_url)
    made = previews.document(session, plan, asset, locale)
    return made, pictures.pictures(session, made.assets, base_url)

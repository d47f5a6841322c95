"""T17: a person decides that who may have got nothing gets the mail again.

Marketing mail is never sent twice on a guess. Whoever asks for it here accepts that some of these
people will read it twice; nobody gets a third copy.
"""

from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.launches.models import Launch
from tpma.sending import lanes
from tpma.sending.models import Message, SendChunk, SendState
from tpma.sending.rules import MOST_GENERATIONS


def candidates(session: Session, launch: Launch) -> int:
    """How many mails of the launch may be asked for again."""
    return session.scalar(select(func.count()).select_from(Message).where(*_which(launch))) or 0


def resend(session: Session, actor: Actor, launch: Launch) -> int:
    """Queue the unconfirmed again, as a second generation; how many. Audited.

    Raises Conflict if there is none, or the launch neither sends nor collects.
    """
    if launch.state not in lanes.SENDING:
        raise Conflict(_("Mails can be sent again while the launch runs or collects leads."))
    chunks = select(Message.chunk_id).where(*_which(launch))
    session.execute(
        update(SendChunk)
        .where(SendChunk.id.in_(chunks), SendChunk.launch_id == launch.id)
        .values(finished_at=None, not_before=clock_of(session)())
        .execution_options(synchronize_session=False)
    )
    moved: Any = session.execute(
        update(Message)
        .where(*_which(launch))
        .values(send_state=SendState.QUEUED, generation=Message.generation + 1)
        .execution_options(synchronize_session=False, preserve_rowcount=True)
    )
    if moved.rowcount == 0:
        raise Conflict(_("No mail of this launch is unconfirmed."))
    record(
        session, actor, launch.tenant_id, "launch.resend_unconfirmed", launch, mails=moved.rowcount
    )
    return int(moved.rowcount)


def _which(launch: Launch) -> list[Any]:
    return [
        Message.launch_id == launch.id,
        Message.tenant_id == launch.tenant_id,
        Message.send_state == SendState.UNCONFIRMED,
        Message.generation < MOST_GENERATIONS,
    ]

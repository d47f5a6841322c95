"""Saved choices among a partner's contacts."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tpma.audiences.models import Segment
from tpma.audiences.rules import definition
from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.core.text import one_line
from tpma.identity.rules import Actor
from tpma.identity.service import record


def save_segment(
    session: Session,
    actor: Actor,
    tenant_id: UUID,
    name: str,
    raw: Mapping[str, Any],
    segment: Segment | None = None,
) -> Segment:
    """Make or change a saved choice. Raises Invalid with the field, also for a name in use."""
    called = one_line(name, 80, "name")
    if not called:
        raise Invalid(_("Give the segment a name, for example Customers in France."), field="name")
    wanted = definition(raw)
    if wanted.is_everybody:
        raise Invalid(_("Choose at least one country, language or tag."), field="countries")
    same = session.scalar(
        select(Segment).where(Segment.tenant_id == tenant_id, Segment.name == called)
    )
    if same is not None and same is not segment:
        raise Invalid(_("You have a segment of this name. Choose another."), field="name")
    if segment is None:
        segment = Segment(tenant_id=tenant_id, name=called, definition=wanted.to_json())
        session.add(segment)
    segment.name, segment.definition = called, wanted.to_json()
    session.flush()
    record(session, actor, tenant_id, "segment.saved", segment)
    return segment


def delete_segment(session: Session, actor: Actor, segment: Segment) -> None:
    """Raises Conflict if a launch was planned with it."""
    record(session, actor, segment.tenant_id, "segment.deleted", segment)
    try:
        with session.begin_nested():
            session.delete(segment)
    except IntegrityError as error:
        raise Conflict(_("A launch uses this segment, so it stays.")) from error

"""Reports of the gate, kept with their hash: what was known when somebody pressed Launch."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.identity.rules import Actor
from tpma.launches.models import Launch
from tpma.sending.models import GateReport


def keep(
    session: Session, actor: Actor | None, launch: Launch, gate_hash: str, report: Mapping[str, Any]
) -> GateReport:
    """Keep the report of a launch; the one before it, if any, is superseded and stays."""
    supersede(session, launch, [])
    found = GateReport(
        tenant_id=launch.tenant_id,
        launch_id=launch.id,
        gate_hash=gate_hash,
        report=dict(report),
        sha256=digest(report),
        user_id=actor.user_id if actor else None,
        superseded_by=[],
    )
    session.add(found)
    session.flush()
    return found


def supersede(session: Session, launch: Launch, changed: list[str]) -> None:
    """The report no longer describes the launch; `changed` are the parts that are others now."""
    current = newest(session, launch)
    if current is not None and current.superseded_at is None:
        current.superseded_at = clock_of(session)()
        current.superseded_by = changed


def newest(session: Session, launch: Launch) -> GateReport | None:
    return next(iter(history(session, launch)), None)


def history(session: Session, launch: Launch) -> list[GateReport]:
    """Newest first."""
    return list(
        session.scalars(
            select(GateReport)
            .where(GateReport.launch_id == launch.id, GateReport.tenant_id == launch.tenant_id)
            .order_by(GateReport.created_at.desc(), GateReport.id.desc())
        )
    )


def changed(report: GateReport, parts: Mapping[str, str]) -> list[str]:
    """Which of kit, audience and sender are others than the report was about."""
    before = report.report.get("parts", {})
    return [name for name, digest_now in parts.items() if before.get(name) != digest_now]


def digest(report: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON."""
    written = json.dumps(report, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()


def is_whole(report: GateReport) -> bool:
    """The row says what it said when it was written."""
    return report.sha256 == digest(report.report)

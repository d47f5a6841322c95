"""Attempts nobody made: they stand for mails that may have left after a backup
(`sending.restoring`)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.sending.models import Attempt

MARK = bytes(32)  # their `raw_sha256`: no mail has this hash


def named(session: Session, message_name: str) -> Attempt | None:
    """For an event of an attempt this ledger has lost, the doubt about the mail it was of; the
    mail's own Message-ID says which that is ("m17-g1"). None where nothing was doubted."""
    number = message_name.removeprefix("m").partition("-")[0]
    if not number.isdecimal() or len(number) > 18:
        return None
    return session.scalar(
        select(Attempt)
        .where(Attempt.message_id == int(number), Attempt.raw_sha256 == MARK)
        .order_by(Attempt.n.desc())
        .limit(1)
    )

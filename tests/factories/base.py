"""The session the builders write to."""

from typing import Any

from sqlalchemy.orm import Session

_session: Session | None = None


def bind(session: Session) -> None:
    global _session
    _session = session


def bound() -> Session:
    assert _session is not None, "the test must take the `session` fixture"
    return _session


def save(row: Any) -> Any:
    session = bound()
    session.add(row)
    session.flush()
    return row

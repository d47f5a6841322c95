"""Does the database keep what it committed, also through a power cut?

The guarantee "no mail twice" stands on intents that are on the disk before a mail leaves (CP11 in
docs/delivery.md), so a process that sends refuses to start on a database that may forget them.
"""

from collections.abc import Iterator

from sqlalchemy import text

from tpma.core.db import Database
from tpma.core.errors import Conflict

Finding = tuple[bool, str]  # well or not, one line


def findings(db: Database) -> Iterator[Finding]:
    with db.reading() as session:
        if db.dialect == "sqlite":
            journal = session.execute(text("PRAGMA journal_mode")).scalar()
            sync = session.execute(text("PRAGMA synchronous")).scalar()
            yield journal == "wal", f"SQLite journal {journal}"
            yield sync in (2, 3), "SQLite survives a power cut (synchronous=FULL)"
        else:
            commit = session.execute(text("SHOW synchronous_commit")).scalar()
            fsync = session.execute(text("SHOW fsync")).scalar()
            yield commit in ("on", "remote_apply"), f"PostgreSQL synchronous_commit {commit}"
            yield fsync == "on", f"PostgreSQL fsync {fsync}"


def require(db: Database) -> None:
    """Raises Conflict, with the cure, if a commit may be lost."""
    bad = [line for well, line in findings(db) if not well]
    if bad:
        raise Conflict(
            f"The database may forget what it committed, and mails would leave twice: "
            f"{'; '.join(bad)}. Set synchronous_commit and fsync to on (docs/operations.md)."
        )

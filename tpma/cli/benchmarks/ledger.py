"""The ledger alone: who gets a mail as rows, and the way of a row from queued to accepted.

Beside them what is usually built: a wide row with a copy of the contact, and one row at a time. The
answers of the provider are made up here, so that nothing but the database is measured.
"""

import gc
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    Uuid,
    column,
    insert,
    literal,
    literal_column,
    select,
    table,
    text,
)

from tpma.audiences.models import Contact
from tpma.cli.benchmarks import world
from tpma.cli.benchmarks.rows import Row
from tpma.cli.benchmarks.world import World
from tpma.core.clock import utc_now
from tpma.core.db import roomy
from tpma.core.errors import Conflict
from tpma.core.ids import uuid7s
from tpma.launches.models import Launch
from tpma.ports.mail import Envelope, Outcome, SendResult
from tpma.sending import engine, intents, outcomes, planning, preparing
from tpma.sending.preparing import Prepared
from tpma.system import System

_WIDE = """
CREATE TABLE wide_deliveries (
  id {uuid} PRIMARY KEY, tenant_id {uuid} NOT NULL REFERENCES organisations (id),
  launch_id {uuid} NOT NULL REFERENCES launches (id),
  contact_id {uuid} NOT NULL REFERENCES contacts (id),
  email VARCHAR(254) NOT NULL, given_name VARCHAR(100) NOT NULL, family_name VARCHAR(100) NOT NULL,
  company VARCHAR(200) NOT NULL, country VARCHAR(2) NOT NULL, locale VARCHAR(35) NOT NULL,
  status VARCHAR(16) NOT NULL, reason VARCHAR(40) NOT NULL, created_at {moment} NOT NULL,
  sent_at {moment})
"""
_INDEXES = (
    "CREATE UNIQUE INDEX wide_once ON wide_deliveries (launch_id, email)",
    "CREATE INDEX wide_status ON wide_deliveries (status)",
    "CREATE INDEX wide_contact ON wide_deliveries (contact_id)",
    "CREATE INDEX wide_created ON wide_deliveries (created_at)",
)
_KINDS = {
    "sqlite": {"uuid": "CHAR(32)", "moment": "DATETIME", "new": "lower(hex(randomblob(16)))"},
    "postgresql": {"uuid": "UUID", "moment": "TIMESTAMPTZ", "new": "gen_random_uuid()"},
}
_COPIED = ("email", "given_name", "family_name", "company", "country", "locale")
_INTO = ("id", "tenant_id", "launch_id", "contact_id", *_COPIED, "status", "reason", "created_at")
_NO_MAIL = Envelope("", "", "", "", b"")
_ROW_BY_ROW_GOAL = {"sqlite": 20.0, "postgresql": 30.0}


def rows(quick: bool) -> Iterator[Row]:
    for dialect in world.dialects():
        with world.opened(dialect, 20_000 if quick else 1_000_000) as made:
            yield _snapshot(made, dialect)
            world.queue(made)
            yield _marking(made, dialect, *((1_000, 40) if quick else (20_000, 400)))


def _snapshot(made: World, dialect: str) -> Row:
    """Both ask who may be written to in the same words, and differ in the row they write."""
    with made.system.db.transaction() as session:
        launch = session.get_one(Launch, made.launch_id)
        drawing = world.drawing(session, made, launch)
        locales = planning.locale_plan(drawing, planning.reader_locales(session, launch))
        begun = time.perf_counter()
        people = planning.plan_first(session, drawing, locales)
    ours = time.perf_counter() - begun
    wide = _wide_snapshot(made, launch, planning.reason(drawing, locales))
    return Row(
        f"Snapshot of {people:,} recipients ({dialect}), against wide rows", "rows/s",
        people / ours, people / wide, wide / ours, 3,
    )  # fmt: skip


def _wide_snapshot(made: World, launch: Launch, reason: ColumnElement[str]) -> float:
    """Seconds."""
    kinds = _KINDS[made.system.db.dialect]
    with made.system.db.transaction() as session:
        for statement in (_WIDE.format(**kinds), *_INDEXES):
            session.execute(text(statement))
    begun = time.perf_counter()
    with made.system.db.transaction() as session:
        copied = [getattr(Contact, name) for name in _COPIED]
        chosen = select(
            literal_column(kinds["new"]), Contact.tenant_id, literal(launch.id, Uuid()),
            Contact.id, *copied,
            literal("queued"), reason, Contact.created_at,
        ).where(*planning.audience(session, launch))  # fmt: skip
        wide = table("wide_deliveries", *map(column, _INTO))
        with roomy(session):  # as much as ours gets
            session.execute(insert(wide).from_select(list(_INTO), chosen))
    return time.perf_counter() - begun


def _marking(made: World, dialect: str, ours: int, theirs: int) -> Row:
    system = _sending(made)
    _by_engine(system, 1)  # statements are put together once
    gc.freeze()  # as a worker does
    begun = time.perf_counter()
    done = _by_engine(system, ours)
    spent = time.perf_counter() - begun
    begun = time.perf_counter()
    with made.system.db.engine.connect() as connection:
        for _each in range(theirs):
            _one_row(connection, dialect)
    alone = (time.perf_counter() - begun) / theirs
    return Row(
        f"Claim and mark ({dialect}), against row by row", "rows/s",
        done / spent, 1 / alone, done / spent * alone, _ROW_BY_ROW_GOAL[dialect],
    )  # fmt: skip


def _sending(made: World) -> System:
    chosen = made.system.settings.model_copy(update={"send_batch": 500})
    ses = made.with_endpoint(1).mail  # asked what it can do, and for nothing else
    return replace(made.system, mail=ses, settings=chosen)


def _by_engine(system: System, wanted: int) -> int:
    """T4, T7 and T8 with whole turns, as the engine writes them; the mails are not made."""
    done = 0
    while done < wanted:
        lease = engine.claim(system, "bench")
        if lease is None:
            raise Conflict(f"Only {done} of {wanted} messages were queued.")
        with system.db.reading() as session:
            found = preparing.waiting(session, lease.chunk_id, lease.grant.count, utc_now())
        ids = uuid7s(utc_now(), len(found))
        ready = [Prepared(one, key, _NO_MAIL) for one, key in zip(found, ids, strict=True)]
        with system.db.transaction() as session:
            owned = intents.write(session, system, lease, ready, utc_now()) or []
        results = [(one, SendResult(Outcome.ACCEPTED, one.attempt_id.hex)) for one in owned]
        outcomes.record(system, lease, results, unused=lease.grant.count - len(owned))
        done += len(owned)
    return done


_NEXT = """
SELECT m.id, m.attempt_n, c.email, c.given_name FROM messages m
JOIN contacts c ON c.id = m.contact_id WHERE m.send_state = 'queued' ORDER BY m.id LIMIT 1"""
_BEFORE = (
    "UPDATE messages SET send_state = 'submitting', attempt_n = attempt_n + 1 WHERE id = :id",
    "INSERT INTO attempts "
    "(id, message_id, n, transport, raw_sha256, started_at, lease_until, code) "
    "VALUES (:attempt, :id, :n, 'bench', :hash, :now, :now, '')",
)
_AFTER = (
    "UPDATE attempts SET outcome = 'accepted', provider_id = :attempt WHERE id = :attempt",
    "UPDATE messages SET send_state = 'accepted', provider_id = :attempt, accepted_at = :now "
    "WHERE id = :id",
    "INSERT INTO delivery_facts (message_id, kind, at, detail, dedupe) "
    "VALUES (:id, 'accepted', :now, '', '')",
)


def _one_row(connection: Connection, dialect: str) -> None:
    """The same tables, one message at a time and two commits each."""
    lock = "" if dialect == "sqlite" else " FOR UPDATE OF m SKIP LOCKED"
    key, now = uuid4(), utc_now()
    values: dict[str, Any] = {"attempt": str(key), "now": now, "hash": b"x" * 32}
    if dialect == "sqlite":
        values |= {"attempt": key.hex, "now": str(now)}
    with connection.begin():
        found = connection.execute(text(_NEXT + lock)).one()
        values |= {"id": found.id, "n": found.attempt_n + 1}
        for statement in _BEFORE:
            connection.execute(text(statement), values)
    with connection.begin():
        for statement in _AFTER:
            connection.execute(text(statement), values)

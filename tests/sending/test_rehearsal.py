"""A rehearsal end to end: the real engine against a real simulator process, and no trace."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.factories import launches as make
from tpma import jobs, models  # noqa: F401
from tpma.adapters.ses_simulated import SimulatedSes
from tpma.core.db import Base
from tpma.core.errors import Conflict
from tpma.launches.models import Launch
from tpma.sending.rehearsing import service
from tpma.sending.rehearsing.models import Rehearsal, RehearsalState
from tpma.worker import handlers

MAY_CHANGE = {"rehearsals", "jobs", "audit_log"}


def dump(db):
    """Every row of every table."""
    with db.reading() as session:
        return {
            table.name: sorted(repr(tuple(row)) for row in session.execute(select(table)))
            for table in Base.metadata.sorted_tables
        }


def played(system, launch, seed=7):
    handlers.load()
    staged = replace(system, theatre=SimulatedSes())
    with system.db.transaction() as session:
        made = service.begin(session, None, session.get_one(Launch, launch.id), seed)
    service.hold(staged, made.id)
    with system.db.reading() as session:
        return session.get_one(Rehearsal, made.id)


def test_it_works(session, system, db):
    launch = make.launch(contacts=60)
    session.commit()
    found = played(system, launch)
    print(found.state, found.problem, found.figures)
    assert found.state is RehearsalState.DONE

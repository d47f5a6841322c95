"""Launches that tests begin with: what is laid from memory is what the services built."""

from contextlib import contextmanager
from itertools import count

import pytest
from sqlalchemy import text

from tests import databases, factories
from tests.factories import launches as make
from tpma.core.db import Base


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, migrated, tmp_path, clock):
    """Opens a transaction in an empty database, as often as it is asked."""
    numbers = count(1)

    @contextmanager
    def opened():
        if request.param == "sqlite":
            path = tmp_path / f"{next(numbers)}.db"
            path.write_bytes(migrated.read_bytes())
            lent = databases.files().lent(path, clock)
        else:
            lent = request.getfixturevalue("postgres").lent(clock)
        with lent as db, db.transaction() as session:
            factories.bind(session)
            yield session

    return opened


def _rows(session):
    return {
        table: sorted(map(repr, session.execute(text(f"SELECT * FROM {table}")).all()))
        for table in Base.metadata.tables
    }


@pytest.mark.parametrize("build", [make.launch, make.scheduled_launch, make.running_launch])
def test_a_beginning_asked_for_again_has_every_row_of_the_one_that_was_built(empty, build):
    found = []
    for _time in range(2):
        with empty() as session:
            build(contacts=2, goal_leads=77)
            session.flush()
            found.append(_rows(session))
    assert found[0] == found[1]
    assert found[0]["launches"]


def test_its_relations_can_be_read_after_the_session_as_those_of_a_built_one(empty):
    for _time in range(2):
        with empty():
            launch = make.running_launch(contacts=1, goal_leads=78)
        assert launch.enrolment.programme.name


def test_a_second_one_in_the_same_database_is_another(empty):
    with empty():
        first, second = (make.running_launch(contacts=1) for _time in range(2))
    assert first.id != second.id
    assert first.campaign_code != second.campaign_code


def test_after_a_laid_one_the_database_counts_on(empty):
    for _time in range(2):
        with empty() as session:
            make.running_launch(contacts=1, goal_leads=79)
            make.running_launch(contacts=2, goal_leads=80)
            session.flush()
            numbers = session.scalars(text("SELECT seq FROM links")).all()
    assert len(numbers) == len(set(numbers)) > 0


def test_another_argument_or_hour_is_another_beginning(empty, clock):
    ids = []
    for contacts, hours in ((1, 0), (2, 0), (1, 1)):
        clock.forward(hours=hours)
        with empty():
            ids.append(make.running_launch(contacts=contacts).id)
    assert len(set(ids)) == 3


def test_a_test_that_patches_gets_one_built_for_it_alone(empty, monkeypatch):
    ids = []
    for _time in range(2):
        with empty():
            ids.append(make.running_launch(contacts=1).id)
    assert ids[0] != ids[1]

"""/healthz and /readyz tell the truth, and nothing else."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from tpma.core.db import Database


@pytest.fixture
def no_database(app, system, tmp_path):
    nowhere = Database(f"sqlite:///{tmp_path / 'none' / 'tpma.db'}")
    app.extensions["tpma"] = replace(system, db=nowhere)
    yield
    nowhere.close()


def test_a_migrated_database_that_answers_is_ready(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ready", "database": "ok", "migrations": "ok"}


def test_without_a_database_it_lives_but_is_not_ready(no_database, client):
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"status": "unavailable", "database": "failed", "migrations": "failed"}
    assert "none" not in answer.text


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("change", ["UPDATE alembic_version SET version_num = '0001'",
                                    "DROP TABLE alembic_version"])  # fmt: skip
def test_on_a_database_of_another_revision_it_is_not_ready(db, client, change):
    with db.transaction() as session:
        session.execute(text(change))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"status": "unavailable", "database": "ok", "migrations": "failed"}

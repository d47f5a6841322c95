"""Statements put into words once say and find what SQLAlchemy's own way does."""

from typing import Any

import pytest
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from tests.factories import audiences as factory
from tpma.audiences.models import Contact, ContactStatus
from tpma.core.db import one_of, values
from tpma.core.prepared import Prepared

_COLUMNS = (
    Contact.id,
    Contact.tenant_id,
    Contact.status,
    Contact.hmac,
    Contact.created_at,
)


@Prepared
def _found(session: Session) -> Any:
    return (
        select(*_COLUMNS)
        .where(one_of(session, Contact.id, "ids"), Contact.status == ContactStatus.ACTIVE)
        .order_by(Contact.id)
    )


@Prepared
def _named(_session: Session) -> Any:
    return (
        update(Contact)
        .where(Contact.id == bindparam("contact"))
        .values(given_name=bindparam("name"))
    )


@pytest.fixture
def people(session):
    made = [factory.contact() for _each in range(3)]
    session.flush()
    return made


def _ids(session, people):
    return values(session, [person.id for person in people])


def test_every_kind_of_column_comes_back_as_sqlalchemy_reads_it(session, people):
    found = _found.rows(session, ids=_ids(session, people))
    asked = session.execute(select(*_COLUMNS).order_by(Contact.id)).all()
    assert found == [tuple(row) for row in asked]
    assert len(found) == 3


def test_the_same_words_serve_any_number_of_keys(session, people):
    for number in (0, 1, 2, 3):
        assert len(_found.rows(session, ids=_ids(session, people[:number]))) == number


def test_what_is_fixed_in_the_statement_stays_fixed(session, people):
    people[0].status = ContactStatus.ERASED
    session.flush()
    found = _found.rows(session, ids=_ids(session, people))
    assert [row[0] for row in found] == sorted(person.id for person in people[1:])


@pytest.mark.parametrize("number", [0, 1, 3])
def test_what_is_written_is_written_for_each(session, people, number):
    _named.run(
        session, [{"contact": p.id, "name": f"Ada {n}"} for n, p in enumerate(people[:number])]
    )
    session.expire_all()
    named = [f"Ada {n}" for n in range(number)]
    assert [person.given_name for person in people] == [*named, *["Ada"] * (3 - number)]


def test_a_parameter_that_is_missing_is_named(session, people):
    with pytest.raises(KeyError, match="ids"):
        _found.rows(session)

"""The web's own tests: a vendor's admin, a partner's admin, and an app that faults on demand."""

import pytest

from tests import factories
from tpma.web.guards import public
from tpma.web.security import limiter


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """No rate limits but in the test of rate limits."""
    monkeypatch.setattr(limiter, "enabled", False)


@pytest.fixture
def dana(db):
    """A partner's admin; returns the membership and its enrolment."""
    with db.transaction() as session:
        factories.bind(session)
        enrolled = factories.enrolment()
        return factories.membership(enrolled.partner, "PA"), enrolled


@pytest.fixture
def as_dana(client, dana):
    return factories.signed_in(client, *dana)


@pytest.fixture
def faulty(fresh_app):
    """The app with one more address, /fault, that does what a test puts into the list."""
    faults: list = []

    @fresh_app.route("/fault", methods=["GET", "POST"])
    @public
    def fault():
        return faults[0]()

    return faults

"""A mailbox with something in it, and a rehearsal of deaths."""

import pytest

from tests import factories
from tests.factories import launches as make
from tests.sending.rehearsal import Nursery, Rehearsal, Simulator
from tpma import jobs
from tpma.identity.models import Organisation
from tpma.worker.loop import settle


@pytest.fixture
def box(session, system, clock):
    """A launch whose three mails have arrived, another partner's, and an invitation."""
    launch = make.scheduled_launch(contacts=3)
    other = make.scheduled_launch(contacts=1)
    company = session.get_one(Organisation, launch.tenant_id)
    jobs.enqueue(
        session,
        "sending.notice",
        clock(),
        tenant_id=str(company.id),
        cause="invitation:1",
        recipient="new@company.example",
        subject="Your invitation",
        body="Open this:\n\nhttp://localhost:8000/join/secret-token",
        locale="en",
    )
    member = make.member_of(company)
    viewer = factories.membership(company, "PV")
    seller = factories.membership(company, "PS")
    vendor = factories.membership(session.get_one(Organisation, launch.vendor_id), "VA")
    operator = factories.operator()
    session.commit()
    settle(system)
    clock.forward(minutes=10)
    return {
        "launch": launch,
        "other": other,
        "partner": member,
        "viewer": viewer,
        "seller": seller,
        "vendor": vendor,
        "operator": operator,
        "enrolment": launch.enrolment,
    }


@pytest.fixture(scope="session")
def ses_process(tmp_path_factory):
    running = Simulator(tmp_path_factory.mktemp("rehearsal") / "home", None)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def processes(ses_process):
    made = Nursery(ses_process.address)
    yield made
    made.end()


@pytest.fixture
def stage(db, system, ses_process, processes):
    """Launches that go to the simulator, sent by processes that can be killed."""
    ses_process.fresh()
    made = Rehearsal(system, db.url, ses_process, processes)
    yield made
    made.close()

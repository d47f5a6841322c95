"""A mailbox with something in it."""

import pytest

from tests import factories
from tests.factories import launches as make
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

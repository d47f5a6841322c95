"""Partners without a domain of their own, kept apart at the provider all the same."""

from dataclasses import replace

import pytest

from tests import factories
from tests.factories import launches as make
from tests.fakes import FakeProvisioner
from tests.sending.domains.conftest import building
from tpma.core.errors import Unavailable
from tpma.launches.models import Launch
from tpma.ports.identities import SHARED
from tpma.sending.domains import known, queries, sharing
from tpma.sending.envelopes import sender_of
from tpma.sending.models import ProviderAccount


@pytest.fixture
def launch_id(desk):
    with building(desk.system):
        return make.launch(factories.enrolment(), contacts=0).id


def launch(session, launch_id):
    return session.get_one(Launch, launch_id)


def shared(desk, launch_id):
    """As the sweep and its job do it."""
    assert sharing.sweep(desk.system) == 1
    [job] = desk.jobs("sending.share_domain")
    with desk.system.db.reading() as session:
        tenant = launch(session, launch_id).tenant_id
    assert job.payload == {"tenant_id": str(tenant)}
    sharing.share(desk.system, tenant)
    return tenant


def test_mails_of_the_shared_domain_carry_the_tenant_once_it_stands(desk, launch_id):
    settings = desk.system.settings
    with desk.system.db.reading() as session:
        assert sender_of(session, settings, launch(session, launch_id)).tenant_ref == ""
    tenant = shared(desk, launch_id)
    with desk.system.db.reading() as session:
        kept = queries.tenant_of(session, tenant, "ses")
        sender = sender_of(session, settings, launch(session, launch_id))
    assert SHARED in kept.associated
    assert (sender.tenant_ref, sender.configuration_set) == (kept.name, "")
    assert sender.address.endswith(settings.mail_domain)


def test_a_tenant_that_stands_is_not_asked_for_again(desk, launch_id):
    shared(desk, launch_id)
    assert sharing.sweep(desk.system) == 0


def test_a_provider_that_does_not_answer_stops_no_mail(desk, launch_id):
    desk.provider.error = Unavailable("no answer")
    shared(desk, launch_id)
    with desk.system.db.reading() as session:
        sender = sender_of(session, desk.system.settings, launch(session, launch_id))
    assert sender.tenant_ref == ""
    sharing.sweep(desk.system)
    assert len(desk.jobs("sending.share_domain")) == 1  # once a day
    desk.clock.forward(days=1)
    sharing.sweep(desk.system)
    assert len(desk.jobs("sending.share_domain")) == 2


def test_where_the_provider_knows_no_tenants_nobody_is_asked(desk, launch_id):
    class Plain(FakeProvisioner):
        has_tenants = False

    desk.system = replace(desk.system, provisioner=Plain())
    assert sharing.sweep(desk.system) == 0


def test_a_tenant_the_provider_stopped_is_red_for_the_shared_domain_too(desk, launch_id):
    tenant = shared(desk, launch_id)
    with desk.system.db.reading() as session:
        desk.provider.stopped.add(queries.tenant_of(session, tenant, "ses").name)
    sharing.share(desk.system, tenant)
    with desk.system.db.transaction() as session:
        session.add(provider_account(desk.clock()))
    with desk.system.db.reading() as session:
        found = known.of(session, desk.system, launch(session, launch_id), "campaigns@x.example")
    assert found.account.tenant_status == "DISABLED"
    assert found.account.associated is None


def provider_account(at):
    return ProviderAccount(
        transport="ses",
        read_at=at,
        max_per_second=14.0,
        max_24h=50_000.0,
        sent_24h=0.0,
        sending_enabled=True,
        sandbox=False,
        enforcement="HEALTHY",
    )

"""Who a launch's mails come from, by which way, and what the check before it makes of that."""

from dataclasses import replace
from email import message_from_bytes
from email.policy import default as modern
from uuid import UUID

import pytest

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tests.sending.domains.conftest import DOMAIN, building
from tpma.identity.models import Organisation
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.sending import engine, gathering, service
from tpma.sending.domains import known, looking, senders
from tpma.sending.domains import service as domains
from tpma.sending.domains.models import DomainState, SendingDomain
from tpma.sending.envelopes import sender_of
from tpma.sending.findings import Tone
from tpma.sending.models import ProviderAccount


@pytest.fixture
def draft(desk):
    """A draft of the desk's partner."""
    with building(desk.system) as session:
        company = session.get_one(Organisation, desk.who.organisation_id)
        make._brand(company)
        return make.launch(factories.enrolment(factories.programme(), company), contacts=2).id


def sender(desk, launch_id):
    with desk.system.db.reading() as session:
        return sender_of(session, desk.system.settings, session.get_one(Launch, launch_id))


def test_without_a_domain_the_shared_one_is_told_beside_the_partner(desk, draft):
    found = sender(desk, draft)
    assert found.name == "Dana Whitfield via tpma"
    assert found.address.endswith(".mail.tpma.example")
    assert (found.tenant_ref, found.configuration_set) == ("", "")


def test_a_domain_that_is_ready_is_what_the_next_launch_comes_from(desk, draft):
    desk.ready()
    found = sender(desk, draft)
    assert (found.name, found.address) == ("Dana Whitfield", f"campaigns@{DOMAIN}")
    assert found.configuration_set == f"tpma-{found.tenant_ref}"
    assert found.bounce_domain == f"bounce.{DOMAIN}"


def test_where_a_test_mail_could_prove_it_the_domain_waits_for_one(seeded, draft):
    seeded.ready()
    assert sender(seeded, draft).address.endswith(".mail.tpma.example")


def test_a_domain_that_broke_is_not_silently_replaced(desk, draft):
    domain_id = desk.ready()
    desk.degrade(domain_id)
    assert sender(desk, draft).address == f"campaigns@{DOMAIN}"


def test_what_was_scheduled_keeps_what_was_checked(desk, draft):
    with desk.system.db.transaction() as session:
        launch = session.get_one(Launch, draft)
        senders.keep(session, desk.system.settings, launch)
        launch.state = LaunchState.SCHEDULED
    desk.ready()
    assert sender(desk, draft).address.endswith(".mail.tpma.example")


def test_a_launch_whose_domain_was_removed_comes_from_the_shared_one(desk, draft):
    domain_id = desk.ready()
    with desk.system.db.transaction() as session:
        launch = session.get_one(Launch, draft)
        senders.keep(session, desk.system.settings, launch)
        launch.state = LaunchState.SCHEDULED
        before = gathering.parts(session, desk.system, launch)
    assert sender(desk, draft).address == f"campaigns@{DOMAIN}"
    with desk.system.db.transaction() as session:
        session.get_one(SendingDomain, domain_id).state = DomainState.RETIRED
    with desk.system.db.reading() as session:
        launch = session.get_one(Launch, draft)
        after = gathering.parts(session, desk.system, launch)
    assert {part for part in before if before[part] != after[part]} == {"sender"}


def test_mails_of_a_launch_leave_by_the_partners_own_way(desk, system, clock):
    with building(system) as session:
        launch = make.launch(contacts=2)
        look.domain(session.get_one(Organisation, launch.tenant_id), DOMAIN)
        make.schedule(launch)

        launches.start(session, launch)
        service.queue_step(session, launch, 1, clock())
    by = replace(system, mail=desk.system.mail)
    engine.drain(by, look.owner())
    assert len(desk.system.mail.taken) == 2
    for envelope in desk.system.mail.taken:
        head = message_from_bytes(envelope.raw, policy=modern)
        assert head["From"].addresses[0].addr_spec == envelope.mail_from == f"campaigns@{DOMAIN}"
        assert (envelope.bounce_domain, envelope.dkim_domain) == (f"bounce.{DOMAIN}", DOMAIN)


RULES = ("AUTH-01", "AUTH-02", "AUTH-03", "AUTH-04", "AUTH-05", "AUTH-07", "HDR-03", "QUOT-01")


def checked(desk, launch_id):
    """rule → its tones, as the check of this launch shows them."""
    with desk.system.db.reading() as session:
        launch = session.get_one(Launch, launch_id)
        report = service.check(session, desk.system, launch, desk.who)
    found = {}
    for check in report.checks:
        found.setdefault(check.rule, set()).add(check.tone)
    return {rule: found[rule] for rule in RULES}


def answers_arrive(desk, launch_id):
    """Somebody of the company reads the address answers go to, and DNS knows its mail server."""
    with building(desk.system) as session:
        company = session.get_one(Organisation, desk.who.organisation_id)
        person = factories.user(email="dana@brightline.example")
        factories.membership(company, "PM", user=person)
    desk.dns.zone[("brightline.example", "MX")] = ["10 mx.brightline.example"]
    assert known.ask_reply_hosts(desk.system) == 1
    assert known.ask_reply_hosts(desk.system) == 0


def account(desk, **changes):
    values = {
        "sending_enabled": True, "sandbox": False, "enforcement": "HEALTHY",
    } | changes  # fmt: skip
    with desk.system.db.transaction() as session:
        session.add(
            ProviderAccount(
                transport="ses", read_at=desk.clock(), max_per_second=14, max_24h=50_000,
                sent_24h=0, **values,
            )
        )  # fmt: skip


def test_a_domain_that_stands_is_green_in_the_check(desk, draft):
    domain_id = desk.ready()
    with desk.system.db.transaction() as session:
        session.get_one(SendingDomain, domain_id).dmarc = ["v=DMARC1; p=reject; rua=mailto:a@b.c"]
    answers_arrive(desk, draft)
    account(desk)
    found = checked(desk, draft)
    assert found.pop("HDR-03") == {Tone.AMBER}  # unproven: nothing can read a test mail here
    assert set.union(*found.values()) == {Tone.GREEN}


def test_a_domain_that_lost_its_key_is_red_in_the_check(desk, draft):
    desk.degrade(desk.ready())
    found = checked(desk, draft)
    assert found["AUTH-01"] == {Tone.RED}
    assert found["AUTH-02"] == {Tone.GREEN}


def test_a_stopped_domain_and_a_sandbox_are_red_in_the_check(desk, draft):
    from tpma.sending.domains.models import SendingDomain

    domain_id = desk.ready()
    account(desk, sandbox=True)
    with desk.system.db.transaction() as session:
        domains.suspend(session, desk.who, session.get_one(SendingDomain, domain_id))
    found = checked(desk, draft)
    assert found["AUTH-05"] == {Tone.RED}
    assert found["QUOT-01"] == {Tone.RED}


def test_the_shared_domain_is_judged_by_its_own_records(desk, draft):

    assert checked(desk, draft)["AUTH-01"] == {Tone.RED}  # nobody has looked at it yet
    looking.sweep(desk.system)
    [job] = desk.jobs("sending.look_at_domain")
    shared = UUID(job.payload["domain_id"])
    desk.look(shared)
    desk.publish(shared)
    desk.look(shared)
    found = checked(desk, draft)
    for rule in ("AUTH-01", "AUTH-02", "AUTH-04", "AUTH-05"):
        assert found[rule] == {Tone.GREEN}


def test_answers_nobody_takes_are_red_and_unlooked_for_ones_too(desk, draft):
    desk.ready()
    assert checked(desk, draft)["AUTH-07"] == {Tone.RED}
    desk.dns.zone[("brightline.example", "MX")] = ["0 "]
    assert known.ask_reply_hosts(desk.system) == 1
    assert checked(desk, draft)["AUTH-07"] == {Tone.RED}


def test_by_the_local_outbox_none_of_it_is_needed(system, desk, draft):
    desk.system = replace(system, settings=system.settings)
    found = checked(desk, draft)
    assert set.union(*found.values()) == {Tone.NOT_NEEDED}

"""A domain's life: asked for, found in DNS, lost, given up, stopped, removed."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.factories import launches as make
from tests.factories import tracking
from tests.sending.domains.conftest import DOMAIN, building
from tpma.core.errors import Conflict, Invalid, NotFound, Unavailable
from tpma.identity.models import Organisation
from tpma.launches.models import Launch, LaunchState
from tpma.ports.dns import Answer, Told
from tpma.sending import brakes, operating
from tpma.sending.domains import known, looking, mending, queries, senders, service
from tpma.sending.domains.models import DomainState, LaunchSender, SendingDomain, SendingTenant
from tpma.sending.findings import Tone
from tpma.sending.gate import auth
from tpma.sending.models import DeliveryFact, FactKind, LaunchPace, Notice


def test_a_domain_becomes_ready_when_its_records_stand(desk):
    domain_id = desk.claim()
    first = desk.look(domain_id)
    assert (first.domain, first.state) == (DOMAIN, DomainState.PENDING_DNS)
    assert [one["purpose"] for one in first.records] == [
        "ownership", "dkim", "return_path", "spf", "dmarc",
    ]  # fmt: skip
    assert first.check_at == desk.clock() + timedelta(minutes=5)
    desk.publish(domain_id)
    ready = desk.look(domain_id)
    assert ready.state is DomainState.VERIFIED
    assert ready.check_at == desk.clock() + timedelta(days=1)
    assert desk.events(domain_id) == ["claimed", "requested", "passed"]
    [told] = desk.jobs("sending.notice")
    assert told.payload["subject"] == f"{DOMAIN} is ready"
    assert len(told.payload["cause"]) <= Notice.__table__.c.cause.type.length


def test_the_provider_keeps_the_partner_apart(desk):
    domain_id = desk.ready()
    with desk.system.db.reading() as session:
        [tenant] = session.scalars(select(SendingTenant))
    assert tenant.name in desk.provider.domains[DOMAIN]
    assert tenant.associated == ["configuration-set", "identity"]
    assert desk.row(domain_id).reference == f"arn:identity/{DOMAIN}"


def test_nobodys_domains_and_those_of_others_are_refused(desk):
    desk.ready()
    other = desk.somebody_else()
    for text, said in {
        "gmail.com": "free mail",
        "brightline.com": "Another company",
        "x.mail.tpma.example": "this platform",
    }.items():
        with pytest.raises(Invalid, match=said) as told:
            desk.claim(text, other)
        assert told.value.field == "domain"
    with pytest.raises(Invalid, match="already in your list"):
        desk.claim()


def test_of_two_who_ask_the_one_whose_dns_proves_it_gets_it(desk):
    other = desk.somebody_else()
    theirs, mine = desk.claim(who=other), desk.claim()
    desk.look(theirs)
    desk.look(mine)
    desk.publish(mine)
    assert desk.look(theirs).state is DomainState.PENDING_DNS
    assert desk.look(mine).state is DomainState.VERIFIED
    desk.publish(theirs)
    lost = desk.look(theirs)
    assert lost.state is DomainState.RETIRED
    assert desk.mail("another company here")


def test_the_database_lets_one_hold_a_domain(desk):
    desk.ready()
    other = desk.somebody_else()
    with pytest.raises(IntegrityError), desk.system.db.transaction() as session:
        session.add(
            SendingDomain(
                tenant_id=other.organisation_id,
                domain=DOMAIN,
                transport="ses",
                challenge="x",
                state=DomainState.VERIFIED,
            )
        )


def test_a_provider_that_does_not_answer_moves_nothing(desk):
    domain_id = desk.claim()
    desk.provider.error = Unavailable("Amazon SES says AccessDeniedException.")
    row = desk.look(domain_id)
    assert (row.state, row.problem) == (DomainState.UNVERIFIED, desk.provider.error.message)
    assert row.check_at == desk.clock() + timedelta(minutes=5)
    desk.provider.error = None
    assert desk.look(domain_id).problem == ""


def test_after_three_days_nobody_looks_until_asked(desk):
    domain_id = desk.claim()
    desk.look(domain_id)
    desk.clock.forward(hours=73)
    assert desk.look(domain_id).check_at is None
    assert desk.mail("still waits")
    with desk.system.db.transaction() as session:
        row = queries.get(session, desk.who.organisation_id, domain_id)
        service.look_now(session, desk.who, row)
    assert desk.look(domain_id).check_at == desk.clock() + timedelta(minutes=5)


@pytest.fixture
def under_way(desk):
    """A domain that is ready, and a launch that leaves by it."""
    domain_id = desk.ready()
    with building(desk.system) as session:
        company = session.get_one(Organisation, desk.who.organisation_id)
        launch = make.launch(factories.enrolment(factories.programme(), company), contacts=1)
        launch.state, launch.started_at = LaunchState.RUNNING, desk.clock()
        session.add(LaunchSender(launch_id=launch.id, domain_id=domain_id))
    return domain_id, launch.id


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (f"t1._domainkey.{DOMAIN}", "CNAME"),
        (f"bounce.{DOMAIN}", "MX"),
        (f"_dmarc.{DOMAIN}", "TXT"),
    ],
)
def test_a_record_that_is_gone_pauses_the_launches_of_its_domain(desk, under_way, name, kind):
    domain_id, launch_id = under_way
    desk.lose(name, kind)
    desk.look(domain_id)
    assert desk.look(domain_id).state is DomainState.VERIFIED
    assert desk.launch(launch_id).state is LaunchState.RUNNING
    assert desk.look(domain_id).state is DomainState.DEGRADED
    paused = desk.launch(launch_id)
    assert (paused.state, paused.paused_cause) == (LaunchState.PAUSED, "identity")
    told = desk.mail("has lost DNS records")
    assert name in told
    assert "Launches paused for it: 1" in told


def test_silence_of_dns_takes_nothing_away(desk, under_way):
    domain_id, launch_id = under_way
    for key in desk.dns.zone:
        desk.dns.zone[key] = Answer(Told.FAILED)
    for _time in range(5):
        row = desk.look(domain_id)
    assert (row.state, row.failures) == (DomainState.VERIFIED, 0)
    assert row.dmarc
    assert desk.launch(launch_id).state is LaunchState.RUNNING


def test_when_the_record_is_back_the_domain_carries_mail_again(desk, under_way):
    domain_id, launch_id = under_way
    kept = list(desk.dns.zone[(f"t1._domainkey.{DOMAIN}", "CNAME")])
    desk.degrade(domain_id)
    with desk.system.db.reading() as session:
        launch = desk.launch(launch_id)
        with pytest.raises(Conflict, match=rf"Signature \(DKIM\) t1\._domainkey\.{DOMAIN}.*resume"):
            mending.refuse_unmended(session, desk.system.settings, launch)
    desk.dns.zone[(f"t1._domainkey.{DOMAIN}", "CNAME")] = kept
    assert desk.look(domain_id).state is DomainState.VERIFIED
    with desk.system.db.reading() as session:
        mending.refuse_unmended(session, desk.system.settings, launch)
    assert desk.launch(launch_id).state is LaunchState.PAUSED  # a person resumes it
    assert desk.mail("right again")


def test_removed_the_provider_forgets_it_and_its_launches_wait(desk, under_way):
    domain_id, launch_id = under_way
    with desk.system.db.transaction() as session:
        row = queries.get(session, desk.who.organisation_id, domain_id, lock=True)
        assert service.remove(session, desk.who, row) == 1
    service.tear_down(desk.system, domain_id)
    assert DOMAIN not in desk.provider.domains
    assert desk.row(domain_id).state is DomainState.RETIRED
    assert desk.launch(launch_id).paused_cause == "identity"
    with desk.system.db.transaction() as session:
        assert senders.current(session, desk.system.settings, desk.who.organisation_id) is None
        with pytest.raises(Conflict):
            service.remove(session, desk.who, session.get_one(SendingDomain, domain_id))


def test_the_provider_keeps_a_domain_somebody_else_still_asks_for(desk):
    mine = desk.claim()
    desk.look(mine)
    other = desk.somebody_else()
    desk.look(desk.claim(who=other))
    with desk.system.db.transaction() as writing:
        service.remove(writing, desk.who, queries.get(writing, desk.who.organisation_id, mine))
    service.tear_down(desk.system, mine)
    assert DOMAIN in desk.provider.domains


def test_another_partners_domain_is_not_found(desk):
    domain_id, other = desk.claim(), desk.somebody_else()
    with pytest.raises(NotFound), desk.system.db.reading() as session:
        queries.get(session, other.organisation_id, domain_id)


def test_stopped_by_the_operator_and_allowed_again(desk, under_way):
    domain_id, launch_id = under_way
    with desk.system.db.transaction() as session:
        row = session.get_one(SendingDomain, domain_id)
        assert service.suspend(session, desk.who, row) == 1
    service.set_tenant_sending(desk.system, desk.who.organisation_id, enabled=False)
    assert desk.provider.stopped
    with desk.system.db.transaction() as session:
        service.lift(session, desk.who, session.get_one(SendingDomain, domain_id))
    service.set_tenant_sending(desk.system, desk.who.organisation_id, enabled=True)
    assert not desk.provider.stopped
    assert desk.look(domain_id).state is DomainState.VERIFIED
    assert desk.launch(launch_id).state is LaunchState.PAUSED


def test_the_sweep_looks_at_what_is_due_and_knows_the_platforms_own(desk):
    domain_id = desk.ready()
    assert looking.sweep(desk.system) == 1
    [own] = [row for row in _all(desk) if row.domain == "mail.tpma.example"]
    desk.look(own.id)
    assert "ownership" not in [one["purpose"] for one in desk.row(own.id).records]
    assert looking.sweep(desk.system) == 0
    desk.clock.forward(days=1)
    assert looking.sweep(desk.system) == 2
    asked = {job.payload["domain_id"] for job in desk.jobs("sending.look_at_domain")}
    assert {str(domain_id), str(own.id)} <= asked


def _all(desk):
    with desk.system.db.reading() as session:
        return list(session.scalars(select(SendingDomain)))


def test_another_way_out_sets_the_domain_up_anew(desk, system):
    domain_id = desk.ready()
    desk.system = system  # the outbox: nothing is needed
    assert looking.sweep(system) == 1
    assert desk.row(domain_id).state is DomainState.UNVERIFIED
    row = desk.look(domain_id)
    assert (row.state, row.transport) == (DomainState.ACTIVE, "outbox")
    assert {one["verdict"] for one in row.checks.values()} == {"unneeded"}


def test_a_policy_of_the_main_domain_needs_no_record_of_its_own(desk):
    desk.dns.zone[("_dmarc.brightline.com", "TXT")] = ["v=DMARC1; p=reject"]
    row = desk.look(desk.claim())
    assert "dmarc" not in [one["purpose"] for one in row.records]
    assert row.checks["dmarc"]["verdict"] == "ok"
    assert row.dmarc_none_since is None


def test_since_when_a_policy_is_none_is_remembered(desk):
    domain_id = desk.ready()
    first = desk.row(domain_id).dmarc_none_since
    desk.clock.forward(days=40)
    assert (
        desk.look(domain_id).dmarc_none_since == first == (desk.clock() - timedelta(days=40)).date()
    )


def doubt(desk, launch_id):
    """Three mails of the launch were refused as not from its domain (RT-06)."""
    now = desk.system.clock()
    with building(desk.system) as session:
        launch = session.get_one(Launch, launch_id)
        session.add(LaunchPace(launch_id=launch_id, domain="brightline.com", served_at=now))
        for _refusal in range(3):
            session.add(
                DeliveryFact(
                    message_id=tracking.message(launch).id,
                    kind=FactKind.BOUNCED_HARD,
                    at=now,
                    detail="550 5.7.26 unauthenticated",
                )
            )
    assert brakes.watch(desk.system) == 1


def reds(desk, launch_id):
    """Rules of the domain that a check would show red now."""
    with desk.system.db.reading() as session:
        launch = session.get_one(Launch, launch_id)
        facts = SimpleNamespace(
            domain=known.of(session, desk.system, launch, f"campaigns@{DOMAIN}").domain
        )
    return {
        rule.id
        for rule in auth.RULES
        if rule.id in ("AUTH-01", "AUTH-02")
        for said in rule.look(facts)
        if said.tone is Tone.RED
    }


def test_mails_refused_as_unproven_open_the_checks_of_the_domain_again(desk, under_way):
    domain_id, launch_id = under_way
    assert reds(desk, launch_id) == set()
    doubt(desk, launch_id)
    assert desk.launch(launch_id).paused_cause == "identity"
    assert reds(desk, launch_id) == {"AUTH-01", "AUTH-02"}
    assert desk.row(domain_id).check_at == desk.system.clock()
    with desk.system.db.reading() as session, pytest.raises(Conflict, match="looked at again"):
        mending.refuse_unmended(session, desk.system.settings, desk.launch(launch_id))


def test_once_the_records_are_seen_to_stand_the_doubt_is_over(desk, under_way):
    domain_id, launch_id = under_way
    doubt(desk, launch_id)
    desk.look(domain_id)
    assert reds(desk, launch_id) == set()
    with desk.system.db.reading() as session:
        mending.refuse_unmended(session, desk.system.settings, desk.launch(launch_id))


def test_the_operator_cannot_resume_a_restored_launch_of_a_broken_domain(desk, under_way):
    domain_id, launch_id = under_way
    desk.degrade(domain_id)
    with building(desk.system) as session:
        launch = session.get_one(Launch, launch_id)
        launch.paused_cause = operating.RESTORED
        operator = factories.actor(factories.operator())
        with pytest.raises(Conflict, match=DOMAIN):
            operating.resume(session, operator, launch, desk.system.settings)
        assert launch.state is LaunchState.PAUSED

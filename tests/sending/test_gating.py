"""The gate at work: reports kept, warnings taken on, proofs sent, launches taken back."""

from email import message_from_bytes
from email.policy import default as modern

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import launches as make
from tests.factories.identity import actor
from tpma.audiences import service as audiences
from tpma.audiences.models import ConsentBasis, ConsentState, Contact, Segment
from tpma.core.errors import Conflict, Invalid
from tpma.identity.models import AuditLog, Organisation
from tpma.jobs import Job
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.sending import checkup, gate, gathering, marks, regating, reports, service
from tpma.sending.findings import Tone
from tpma.sending.models import GateMark, GateReport, MarkKind, Message, Notice, OutboxMail
from tpma.worker.loop import settle


@pytest.fixture
def draft(session):
    return make.launch(contacts=2)


@pytest.fixture
def who(session, draft):
    return actor(make.member_of(session.get_one(Organisation, draft.tenant_id)))


def hash_of(session, system, launch):
    return gate.fingerprint(gathering.parts(session, system, launch))


def reds(report):
    return {check.rule for check in report.checks if check.tone is Tone.RED}


def test_a_launch_needs_the_proof_of_exactly_this_content(session, system, draft, who):
    report = service.check(session, system, draft, who)
    assert reds(report) == {"TEST-01"}
    assert report.to_mend == 0
    with pytest.raises(Conflict):
        service.launch(session, system, who, draft)
    marks.ask_proof(session, who, draft, report.gate_hash)
    assert service.check(session, system, draft, who).green
    draft.from_name = "Somebody Else"
    session.flush()
    assert reds(service.check(session, system, draft, who)) == {"TEST-01"}
    draft.from_name = "Dana Whitfield"
    session.flush()
    other = actor(factories.membership(session.get_one(Organisation, draft.tenant_id), "PM"))
    assert reds(service.check(session, system, draft, other)) == {"TEST-01"}
    service.launch(session, system, who, draft)
    assert draft.state is LaunchState.SCHEDULED


def test_the_proof_arrives_marked_and_inert_and_in_the_partners_mailbox(
    session, system, db, draft, who
):
    from tpma.sending import mailbox

    mark = marks.ask_proof(session, who, draft, hash_of(session, system, draft))
    session.commit()
    settle(system)
    [file] = system.settings.outbox_folder.glob("new/n*.eml")
    mail = message_from_bytes(file.read_bytes(), policy=modern)
    assert mail["Subject"].startswith("[Proof] ")
    assert mail["X-TPMA-Code"] == draft.campaign_code
    token = mail["List-Unsubscribe"].split("/u/")[1][:24]
    assert system.signer.subject(token) == gathering.SAMPLE_SUBJECT
    with db.reading() as other:
        assert other.get(Message, gathering.SAMPLE_SUBJECT) is None
        row = other.scalars(select(OutboxMail)).one()
        assert (row.launch_id, row.campaign_code) == (None, draft.campaign_code)
        listed = mailbox.listing(other, draft.tenant_id, mailbox.Wanted(), 10)
        assert [one.id for one in listed] == [row.id]
        assert mailbox.listing(other, draft.vendor_id, mailbox.Wanted(), 10) == []
        told = marks.proof(other, draft, mark.gate_hash, who)
    assert (told.arrived, told.refused) == (True, False)


def test_a_proof_asked_for_again_comes_again_ten_times_at_most(session, system, draft, who):
    gate_hash = hash_of(session, system, draft)
    marks.ensure_proof(session, who, draft, gate_hash)
    marks.ensure_proof(session, who, draft, gate_hash)
    assert session.scalars(select(GateMark.times)).one() == 1
    for _time in range(9):
        marks.ask_proof(session, who, draft, gate_hash)
    with pytest.raises(Conflict):
        marks.ask_proof(session, who, draft, gate_hash)


def test_the_report_is_kept_with_its_hash(session, system, draft, who):
    marks.ask_proof(session, who, draft, hash_of(session, system, draft))
    service.launch(session, system, who, draft)
    [kept] = reports.history(session, draft)
    assert kept.gate_hash == draft.gate_hash
    assert reports.is_whole(kept)
    assert {check["rule"] for check in kept.report["checks"]} >= {"HDR-01", "CONS-02", "TEST-01"}
    assert set(kept.report["parts"]) == {"kit", "audience", "sender"}
    kept.report = {**kept.report, "checks": []}
    assert not reports.is_whole(kept)


def test_a_warning_is_taken_on_by_name_and_what_blocks_is_not(session, system, draft, who):
    draft.reply_to = "no-reply@brightline.example"
    session.flush()
    marks.ask_proof(session, who, draft, hash_of(session, system, draft))
    report = service.check(session, system, draft, who)
    assert [check.rule for check in report.unsaid] == ["AUTH-07"]
    with pytest.raises(Conflict, match="1 warnings"):
        service.launch(session, system, who, draft)
    for rule in ("TEST-01", "SUPP-01", "nonsense"):
        with pytest.raises(Invalid):
            marks.acknowledge(session, who, draft, report.gate_hash, report.checks, [rule])
    marks.acknowledge(session, who, draft, report.gate_hash, report.checks, ["AUTH-07"] * 2)
    service.launch(session, system, who, draft)
    [kept] = reports.history(session, draft)
    assert list(kept.report["acknowledged"]) == ["AUTH-07"]
    entry = session.scalars(select(AuditLog).where(AuditLog.action == "gate.acknowledged")).one()
    assert (entry.actor_id, entry.detail["rule"]) == (who.user_id, "AUTH-07")


def test_a_word_counts_for_the_content_it_was_given_for(session, system, draft, who):
    draft.reply_to = "no-reply@brightline.example"
    session.flush()
    report = service.check(session, system, draft, who)
    marks.acknowledge(session, who, draft, report.gate_hash, report.checks, ["AUTH-07"])
    draft.from_name = "Somebody Else"
    session.flush()
    assert [c.rule for c in service.check(session, system, draft, who).unsaid] == ["AUTH-07"]


def change_sender(session, launch):
    launch.from_name = "Somebody Else"


def change_audience(session, launch):
    segment = session.get_one(Segment, launch.segment_id)
    segment.definition = segment.definition | {"countries": ["US", "CA"]}


def change_texts(session, launch):
    from tpma.branding.models import Customisation

    session.add(
        Customisation(
            tenant_id=launch.tenant_id,
            cobranded_kit_id=launch.cobranded_kit_id,
            asset="email1",
            slot="headline",
            locale="en",
            value="Other words",
        )
    )


@pytest.mark.parametrize(
    ("change", "part"),
    [(change_sender, "sender"), (change_audience, "audience"), (change_texts, "kit")],
)
def test_a_change_takes_a_scheduled_launch_back_to_draft(
    session, system, clock, db, draft, who, change, part
):
    company = session.get_one(Organisation, draft.tenant_id)
    draft.segment_id = factories.segment(company, countries=["US"]).id
    draft.start_at = launches.local(clock(), "UTC").replace(day=6)
    session.flush()
    marks.ask_proof(session, who, draft, hash_of(session, system, draft))
    start = service.launch(session, system, who, draft)
    make.contact(company)  # people come and go: that is no change of the audience
    session.flush()
    assert regating.changed(session, system, draft) == []
    change(session, draft)
    session.flush()
    assert regating.changed(session, system, draft) == [part]
    session.commit()
    clock.now = start
    settle(system)
    with db.reading() as other:
        found = other.get_one(Launch, draft.id)
        [kept] = reports.history(other, found)
        told = other.scalars(
            select(Notice).where(Notice.cause == f"launch.regated:{kept.id}")
        ).one()
        rows = other.scalars(select(Message).where(Message.launch_id == draft.id)).all()
    assert (found.state, found.gate_hash) == (LaunchState.DRAFT, "")
    assert kept.superseded_by == [part]
    assert kept.superseded_at is not None
    assert reports.is_whole(kept)
    assert draft.campaign_code in told.body
    assert rows == []


def test_a_launch_is_looked_at_a_day_and_an_hour_ahead(session, system, clock, draft, who):
    draft.start_at = launches.local(clock(), "UTC").replace(day=6)
    session.flush()
    marks.ask_proof(session, who, draft, hash_of(session, system, draft))
    service.launch(session, system, who, draft)
    looks = session.scalars(select(Job.run_at).where(Job.name == "sending.regate")).all()
    assert len(looks) == 2
    assert max(looks) < draft.start_at


def test_an_unchanged_launch_starts_at_its_hour(session, system, db):
    launch = make.scheduled_launch(contacts=1)
    session.commit()
    settle(system)
    with db.reading() as other:
        assert other.get_one(Launch, launch.id).started_at is not None


def test_a_later_launch_supersedes_the_report_and_keeps_it(session, system, clock, draft, who):
    draft.start_at = launches.local(clock(), "UTC").replace(day=6)
    session.flush()
    marks.ask_proof(session, who, draft, hash_of(session, system, draft))
    service.launch(session, system, who, draft)
    service.unschedule(session, who, draft)
    clock.forward(minutes=1)
    service.launch(session, system, who, draft)
    newest, before = reports.history(session, draft)
    assert newest.superseded_at is None
    assert before.superseded_at is not None
    assert session.scalars(select(GateReport)).all()


def test_where_approval_is_asked_for_a_second_person_gives_it(session, system, draft, who):
    company = session.get_one(Organisation, draft.tenant_id)
    marks.set_approval(session, who, company.id, True)
    gate_hash = hash_of(session, system, draft)
    marks.ask_proof(session, who, draft, gate_hash)
    report = service.check(session, system, draft, who)
    assert (reds(report), report.to_mend) == ({"TEST-01"}, 1)
    with pytest.raises(Conflict):
        marks.approve(session, who, draft, gate_hash)
    second = actor(factories.membership(company, "PM"))
    marks.approve(session, second, draft, gate_hash)
    assert service.check(session, system, draft, who).green
    service.launch(session, system, who, draft)
    kinds = session.scalars(select(GateMark.kind)).all()
    assert sorted(kinds) == [MarkKind.APPROVED, MarkKind.PROOF]


def held(report):
    return {check.rule for check in report.checks if check.title == "Left out"}


def test_a_consent_without_proof_holds_readers_in_germany_back(session, system, draft, who):
    company = session.get_one(Organisation, draft.tenant_id)
    person = make.contact(company, country="DE")
    report = service.check(session, system, draft, who)
    assert (held(report), reds(report)) == ({"CONS-02"}, {"TEST-01"})
    make.agree(person, state=ConsentState.PENDING_DOI)
    audiences.confirm_consent(session, person, "partner_marketing", {"channel": "double_opt_in"})
    assert held(service.check(session, system, draft, who)) == set()
    customer = make.contact(company, country="DE", consent=False)
    make.agree(customer, ConsentBasis.SOFT_OPT_IN)
    assert held(service.check(session, system, draft, who)) == set()


def test_a_launch_is_stopped_where_the_law_leaves_nobody(session, system, draft, who):
    for person in session.scalars(select(Contact).where(Contact.tenant_id == draft.tenant_id)):
        person.country = "DE"
    session.flush()
    assert "CONS-01" in reds(service.check(session, system, draft, who))


def test_throw_away_addresses_and_mailed_out_readers_stop_a_launch(session, system, draft, who):
    company = session.get_one(Organisation, draft.tenant_id)
    make.contact(company, email="x@mailinator.com")
    assert "LIST-01" in reds(service.check(session, system, draft, who))


def test_the_screen_has_what_must_be_mended_first_and_folds_the_rest(session, system, draft, who):
    draft.goal_leads = 0
    session.flush()
    groups = checkup.groups(service.check(session, system, draft, who))
    assert groups[0].key == "spend"
    assert groups[0].tone == "ba"
    assert all(check.tone in (Tone.RED, Tone.AMBER) for group in groups for check in group.open)
    assert sum(group.passed for group in groups) > 15

"""A launch from the kit's button to its end: what each step writes and what it refuses."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests import factories
from tests.conftest import NOW
from tests.factories import launches as build
from tpma.core.errors import Conflict, Invalid, NotAllowed, NotFound
from tpma.core.money import Money
from tpma.identity.models import AuditLog
from tpma.jobs import Job
from tpma.launches import codes, service
from tpma.launches.models import Launch, LaunchState
from tpma.launches.service import Sender
from tpma.partners.models import EnrolmentState


@pytest.fixture
def draft(session):
    return build.launch()


def actor_of(launch):
    return factories.actor(build.member_of(launch.enrolment.partner))


def actions(session):
    return session.scalars(select(AuditLog.action).order_by(AuditLog.seq)).all()


def test_a_draft_has_a_valid_code_of_its_vendor_and_kit(draft):
    assert codes.is_valid(draft.campaign_code)
    prefix, kit, _serial = draft.campaign_code.split("-")
    assert kit == draft.kit_version.kit.key
    assert draft.page_slug.endswith(draft.campaign_code.lower())
    assert prefix


def test_pressing_launch_twice_gives_the_untouched_draft_back(session, draft):
    again = service.create(session, actor_of(draft), draft.enrolment, draft.kit_version)
    assert again.id == draft.id


def test_a_draft_somebody_worked_on_is_left_alone(session, draft):
    service.choose_audience(session, draft, None, accept_fallback=False)
    other = service.create(session, actor_of(draft), draft.enrolment, draft.kit_version)
    assert other.id != draft.id
    assert other.campaign_code != draft.campaign_code


def test_a_suspended_partner_starts_nothing(session, draft):
    draft.enrolment.state = EnrolmentState.SUSPENDED
    with pytest.raises(Conflict):
        service.create(session, actor_of(draft), draft.enrolment, draft.kit_version)


def test_another_partners_launch_is_not_found(session, draft):
    stranger = factories.partner().organisation
    with pytest.raises(NotFound):
        service.get(session, stranger.id, draft.id)


def test_another_vendors_launch_is_not_found(session, draft):
    stranger = factories.vendor().organisation
    with pytest.raises(NotFound):
        service.get_for_vendor(session, stranger.id, draft.id)


def test_a_segment_of_somebody_else_is_not_found(session, draft):
    theirs = factories.segment(factories.partner().organisation)
    with pytest.raises(NotFound):
        service.choose_audience(session, draft, theirs.id, accept_fallback=False)


def test_a_locked_place_is_refused_by_the_server(session, draft):
    with pytest.raises((NotAllowed, Invalid, NotFound)):
        service.word(session, actor_of(draft), draft, "en", {"email1.legal": "ours now"})


@pytest.mark.parametrize(
    ("leads", "pipeline", "field"),
    [(0, Money(0, "USD"), "goal_leads"), (5, Money(1, "XXX"), "cost")],
)
def test_a_goal_that_makes_no_sense_is_refused(draft, leads, pipeline, field):
    with pytest.raises(Invalid) as refusal:
        service.set_goal(draft, leads, pipeline, Money(0, draft.currency))
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("sender", "field"),
    [
        (Sender("", "a@b.example", None, "UTC"), "from_name"),
        (Sender("A\r\nBcc: x@y.example", "a@b.example", None, "UTC"), "from_name"),
        (Sender("A" * 71, "a@b.example", None, "UTC"), "from_name"),
        (Sender("A", "not an address", None, "UTC"), "reply_to"),
        (Sender("A", "a@b.example\nBcc: x@y.example", None, "UTC"), "reply_to"),
        (Sender("A", "a@b.example", None, "Mars/Olympus"), "timezone"),
        (Sender("A", "a@b.example", NOW - timedelta(minutes=1), "UTC"), "start_at"),
        (Sender("A", "a@b.example", NOW, "UTC"), "start_at"),
    ],
)
def test_a_sender_that_cannot_stand_is_refused_and_the_field_named(session, draft, sender, field):
    with pytest.raises(Invalid) as refusal:
        service.set_sender(session, draft, sender)
    assert refusal.value.field == field


def test_an_edit_takes_a_checked_launch_back_to_draft(session, draft):
    service.ready(session, actor_of(draft), draft, {"checks": []}, "hash")
    service.set_goal(draft, 9, Money(0, draft.currency), Money(0, draft.currency))
    assert draft.state is LaunchState.DRAFT
    assert draft.preflight == {}
    assert draft.gate_hash == ""


def test_a_launch_is_scheduled_at_once_or_for_its_hour(session, draft):
    later = NOW + timedelta(days=2)
    draft.start_at = later
    service.ready(session, actor_of(draft), draft, {}, "hash")

    assert service.schedule(session, actor_of(draft), draft) == later

    job = session.scalars(select(Job).where(Job.name == "launches.start")).one()
    assert job.run_at == later
    assert draft.state is LaunchState.SCHEDULED


def test_only_a_ready_launch_can_be_scheduled(session, draft):
    with pytest.raises(Conflict):
        service.schedule(session, actor_of(draft), draft)


def test_a_start_that_passed_meanwhile_is_refused(session, draft, clock):
    draft.start_at = NOW + timedelta(hours=1)
    service.ready(session, actor_of(draft), draft, {}, "hash")
    clock.forward(hours=2)
    with pytest.raises(Invalid) as refusal:
        service.schedule(session, actor_of(draft), draft)
    assert refusal.value.field == "start_at"


def test_a_moved_launch_does_not_start_at_its_old_hour(session, draft, clock):
    draft.start_at = NOW + timedelta(hours=1)
    service.ready(session, actor_of(draft), draft, {}, "hash")
    service.schedule(session, actor_of(draft), draft)
    service.unschedule(session, actor_of(draft), draft)
    clock.forward(hours=2)
    assert not service.start(session, draft)
    assert draft.state is LaunchState.READY


def test_a_start_publishes_the_page_and_queues_the_first_mail(session):
    launch = build.scheduled_launch()
    assert service.start(session, launch)
    names = set(session.scalars(select(Job.name)))
    assert {"pages.publish", "sending.queue_step", "launches.end"} <= names
    assert not service.start(session, launch)  # a second delivery of the job does nothing


def test_pause_and_resume_keep_the_cause(session):
    launch = build.running_launch()
    service.pause(session, actor_of(launch), launch, cause="vendor")
    assert (launch.state, launch.paused_cause) == (LaunchState.PAUSED, "vendor")
    service.resume(session, actor_of(launch), launch)
    assert (launch.state, launch.paused_cause) == (LaunchState.RUNNING, "")


@pytest.mark.parametrize(
    ("build_it", "after"),
    [
        (build.launch, LaunchState.CANCELLED),
        (build.scheduled_launch, LaunchState.CANCELLED),
        (build.running_launch, LaunchState.ABORTED),
    ],
)
def test_a_stop_before_the_first_mail_cancels_and_after_it_aborts(session, build_it, after):
    launch = build_it()
    service.stop(session, actor_of(launch), launch)
    assert launch.state is after


def test_a_launch_ends_when_its_time_is_over(session, clock):
    launch = build.running_launch()
    service.finish_sends(session, launch)
    assert not service.end(session, launch)
    clock.forward(days=91)
    assert service.end(session, launch)
    assert launch.state is LaunchState.ENDED
    closing = session.scalars(
        select(Job).where(Job.name == "pages.close").order_by(Job.run_at.desc())
    ).first()
    assert closing.run_at == launch.ends_at + timedelta(days=30)


def test_every_change_of_state_leaves_one_audit_row(session):
    launch = build.scheduled_launch()
    service.start(session, launch)
    told = [action for action in actions(session) if action.startswith("launch.")]
    assert told == ["launch.created", "launch.ready", "launch.scheduled", "launch.started"]


def test_two_launches_never_share_a_code(session):
    first, second = build.launch(), build.launch()
    assert first.campaign_code != second.campaign_code
    assert session.scalars(select(Launch.campaign_code)).all()

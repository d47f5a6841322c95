"""Two subjects of the first mail: a sample first, the rest under the better one."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.factories import launches as make
from tests.factories.identity import actor
from tests.kits import small_kit
from tpma import jobs
from tpma.core.errors import Invalid
from tpma.identity.models import AuditLog
from tpma.kits import check
from tpma.kits.intake import Intake
from tpma.kits.library import open_kit
from tpma.launches import service as launches
from tpma.launches.compiling import SECOND
from tpma.launches.drafting import Timing, refuse_impossible
from tpma.launches.models import LaunchAsset
from tpma.rendering.facts import Person
from tpma.rendering.mail import MailSkeleton
from tpma.sending import preparing, service, split_words, splitting
from tpma.sending.envelopes import Recipient
from tpma.sending.models import Message, SendChunk, SendState

WAIT = timedelta(hours=4)
NOBODY = Person("", "", "", "")


def two_subjects(readers, second="Another offer"):
    """A launch about to be scheduled, its first mail with a second subject in English."""
    launch = make.launch(contacts=readers)
    who = actor(make.member_of(launch.enrolment.partner))
    launches.word(make.bound(), who, launch, "en", {"email1.subject_b": second})
    make.schedule(launch)
    return launch


def started(session, clock, readers):
    launch = two_subjects(readers)
    launches.start(session, launch)
    service.queue_step(session, launch, 1, clock())
    return launch


@pytest.fixture
def waiting(session, clock):
    """Two hundred readers; twenty got A and twenty B."""
    launch = started(session, clock, 200)
    session.execute(
        update(Message)
        .where(Message.variant != "")
        .values(send_state=SendState.ACCEPTED, accepted_at=clock(), chunk_id=None)
    )
    return launch


def counted(session):
    session.flush()
    rows = session.execute(select(Message.send_state, Message.variant)).all()
    return {
        key: sum((row[0].value, row[1]) == key for row in rows)
        for key in {(row[0].value, row[1]) for row in rows}
    }


def click(session, clock, variant, number):
    ids = session.scalars(
        select(Message.id).where(Message.variant == variant).order_by(Message.id).limit(number)
    ).all()
    session.execute(update(Message).where(Message.id.in_(ids)).values(clicked_at=clock()))


def subject(session, launch, variant):
    one = Recipient(1, 1, 0, "en", 1, launch.id, "a@reader.example", NOBODY, variant)
    return preparing.skeleton_of(session, launch, one).subject(NOBODY)


def test_only_the_sample_leaves_at_first(session, clock):
    started(session, clock, 200)
    assert counted(session) == {("queued", "a"): 20, ("queued", "b"): 20, ("planned", ""): 160}


def test_the_rest_goes_under_the_subject_more_people_clicked(session, clock, waiting):
    click(session, clock, "a", 4)
    click(session, clock, "b", 17)
    clock.forward(hours=4)
    splitting.settle(session, waiting, clock(), 1)
    assert counted(session) == {("accepted", "a"): 20, ("accepted", "b"): 20, ("queued", "w"): 160}
    assert subject(session, waiting, "w") == "Another offer"
    assert subject(session, waiting, "a") == subject(session, waiting, "") == "An offer"
    told = split_words.of(session, waiting)
    assert [(line.sent, line.clicked, line.won) for line in told.lines] == [
        (20, 4, False),
        (20, 17, True),
    ]
    assert told.said.startswith("B is better")
    actions = session.scalars(select(AuditLog.action)).all()
    assert actions.count("launch.subject_decided") == 1


def test_without_a_clear_difference_the_rest_gets_the_first(session, clock, waiting):
    click(session, clock, "a", 9)
    click(session, clock, "b", 10)
    clock.forward(hours=4)
    splitting.settle(session, waiting, clock(), 1)
    assert counted(session)["queued", ""] == 160
    assert split_words.of(session, waiting).said.startswith("No clear difference")


def test_few_clicks_of_few_readers_prove_nothing(session, clock, waiting):
    click(session, clock, "b", 3)
    clock.forward(hours=4)
    splitting.settle(session, waiting, clock(), 1)
    assert splitting.is_too_small(waiting)
    assert counted(session)["queued", ""] == 160


def test_a_second_asking_decides_nothing_new(session, clock, waiting):
    clock.forward(hours=4)
    splitting.settle(session, waiting, clock(), 1)
    decided = dict(waiting.subject_test)
    click(session, clock, "b", 20)
    splitting.settle(session, waiting, clock(), 1)
    assert waiting.subject_test == decided


def test_the_wait_counts_from_the_last_mail_of_the_sample(session, clock, waiting):
    late = session.scalars(select(Message).where(Message.variant == "b")).first()
    clock.forward(hours=3)
    late.accepted_at = clock()
    clock.forward(hours=1)
    splitting.settle(session, waiting, clock(), 1)
    assert splitting.is_waiting(waiting)
    key = f"sending.decide_subject:{waiting.id}:2"
    again = session.scalars(select(jobs.Job).where(jobs.Job.key == key)).one()
    assert again.run_at == late.accepted_at + WAIT


def test_too_few_readers_wait_for_nothing(session, clock):
    launch = started(session, clock, 5)
    assert counted(session) == {("queued", ""): 5}
    assert splitting.is_too_small(launch)
    assert split_words.of(session, launch).said.startswith("Too small to tell")
    assert session.scalars(select(SendChunk)).all()


def test_both_subjects_are_frozen_and_nothing_else_differs(session):
    launch = two_subjects(2)
    kept = {
        row.asset: MailSkeleton.from_bytes(row.compiled)
        for row in session.scalars(select(LaunchAsset).where(LaunchAsset.locale == "en"))
        if row.asset in ("email1", SECOND)
    }
    assert launch.subject_test == {"locales": ["en"]}
    assert kept[SECOND].subject(NOBODY) == "Another offer"
    assert kept[SECOND].text_runs[1::2] == kept["email1"].text_runs[1::2]
    assert kept[SECOND].text(NOBODY, "T" * 24) == kept["email1"].text(NOBODY, "T" * 24)


@pytest.mark.parametrize("second", ["", "An offer"])
def test_one_subject_twice_is_no_trial(session, second):
    assert two_subjects(2, second).subject_test == {}


def test_a_kit_may_bring_a_second_subject():
    files = small_kit.files()
    files["kit.toml"] = files["kit.toml"].replace(
        b'subject = "An offer"', b'subject = "An offer"\nsubject_b = "Another one"'
    )
    files["locales/de.po"] += (
        b'\nmsgctxt "email1.subject_b"\nmsgid "Another one"\nmsgstr "Ein anderes"\n'
    )
    reading = check.checked(open_kit(Intake(files=files)))
    assert reading.faults == []
    assert reading.content.text("email1.subject_b", "de") == "Ein anderes"


def chosen(session, share, hours, readers=200):
    launch = make.launch(contacts=readers, trial_share=share, trial_hours=hours)
    who = actor(make.member_of(launch.enrolment.partner))
    launches.word(make.bound(), who, launch, "en", {"email1.subject_b": "Another offer"})
    make.schedule(launch)
    launches.start(session, launch)
    return launch


@pytest.mark.parametrize(("share", "each"), [(20, 20), (50, 50)])
def test_the_sample_is_as_large_as_the_launch_chose(session, clock, share, each):
    launch = chosen(session, share, 4)
    service.queue_step(session, launch, 1, clock())
    found = counted(session)
    assert found["queued", "a"] == found["queued", "b"] == each


def test_the_rest_waits_as_long_as_the_launch_chose(session, clock):
    launch = chosen(session, 20, 1)
    service.queue_step(session, launch, 1, clock())
    session.execute(
        update(Message)
        .where(Message.variant != "")
        .values(send_state=SendState.ACCEPTED, accepted_at=clock(), chunk_id=None)
    )
    assert "waits 1 hour" in split_words.of(session, launch).said
    splitting.settle(session, launch, clock() + timedelta(minutes=59), 1)
    assert splitting.is_waiting(launch)
    splitting.settle(session, launch, clock() + timedelta(hours=1), 2)
    assert not splitting.is_waiting(launch)


@pytest.mark.parametrize(
    ("field", "value"),
    [("trial_share", 9), ("trial_share", 51), ("trial_hours", 0), ("trial_hours", 49)],
)
def test_a_trial_beyond_its_bounds_is_refused_by_name(field, value):
    with pytest.raises(Invalid, match="Enter a number from") as refused:
        refuse_impossible(Timing(**{field: value}), None)
    assert refused.value.field == field

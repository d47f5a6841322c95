"""After a backup was restored: what may have left is in doubt, and evidence settles it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from tests import factories
from tests.conftest import NOW
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.cli import manage
from tpma.identity.models import AuditLog
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.ports.events import RawEvent, Unreadable
from tpma.ports.mail import Envelope
from tpma.sending import feedback, invariants, operating, restoring, service
from tpma.sending.models import Attempt, Message, SendState
from tpma.worker.loop import settle


class Queue:
    """A queue that holds some bodies, each the name of a mail the provider took."""

    name = "fake"

    def __init__(self, *bodies):
        self.waiting = list(bodies)

    def receive(self, most, wait_s):
        some = self.waiting[:most]
        return [RawEvent(body, NOW, receipt=body) for body in some]

    def ack(self, events):
        self.waiting = [body for body in self.waiting if body not in {e.body for e in events}]

    def parse(self, raw):
        if not raw.body.startswith("m"):
            raise Unreadable("no event")
        return [sent(raw.body)]


def sent(name):
    """The provider tells of an attempt that stands in no database any more."""
    provider_id = f"p-{name}"
    return look.event(uuid4(), "send", NOW, message_name=name, provider_id=provider_id)


@pytest.fixture
def mail():
    return FakeMail()


@pytest.fixture
def far(system, mail):
    """A provider that cannot say what became of a mail, as Amazon SES."""
    return look.by(system, mail)


@pytest.fixture
def launch(db) -> Launch:
    with db.transaction() as session:
        factories.bind(session)
        return make.running_launch(contacts=3)


def names(db, launch):
    return [f"m{one.id}-g1" for one in look.messages(db, launch.id)]


def resume(system, launch):
    with system.db.transaction() as session:
        launches.resume(session, None, session.get_one(Launch, launch.id, with_for_update=True))
    settle(system)


def test_what_waited_when_the_backup_was_made_is_in_doubt(db, far, launch):
    found = restoring.reconcile(far)
    assert (found.paused, found.doubted) == (1, 3)
    assert look.states(db, launch.id) == ["in_doubt"] * 3
    assert look.launch(db, launch.id).paused_cause == "restored"


def test_the_table_counts_it(db, far, launch):
    [line] = restoring.reconcile(far).lines
    assert (line.code, line.state, line.doubted) == (launch.campaign_code, "paused", 3)
    assert (line.left, line.unsent, line.open) == (0, 0, 3)


def test_run_again_it_doubts_nothing_more(db, far, launch):
    restoring.reconcile(far)
    again = restoring.reconcile(far)
    assert (again.paused, again.doubted, again.lines[0].doubted) == (0, 0, 3)


def test_after_pause_all_it_doubts_all_the_same(db, far, launch):
    with db.transaction() as session:
        operating.pause_all(session, operating.RESTORED)
    assert restoring.reconcile(far).doubted == 3


def test_a_second_restore_of_a_launch_that_went_on_doubts_again(db, far, launch):
    restoring.reconcile(far)
    with db.transaction() as session:  # as it may stand in a later backup
        for one in session.scalars(select(Message)):
            one.send_state = SendState.QUEUED
        launches.resume(session, None, session.get_one(Launch, launch.id))
    assert restoring.reconcile(far).doubted == 3


def test_an_event_of_an_attempt_nobody_knows_proves_the_mail_it_was_of(db, far, launch):
    restoring.reconcile(far)
    first = names(db, launch)[0]
    assert feedback.ingest(far, sent(first)) == "applied"
    assert look.states(db, launch.id) == ["accepted", "in_doubt", "in_doubt"]


def test_without_a_restore_such_an_event_proves_nothing(db, far, launch):
    assert feedback.ingest(far, sent(names(db, launch)[0])) == "orphan"
    assert look.states(db, launch.id) == ["queued"] * 3


def test_an_event_that_came_before_is_placed_by_the_restore(db, far, launch, clock):
    feedback.ingest(far, sent(names(db, launch)[0]))
    clock.forward(minutes=2)
    [line] = restoring.reconcile(far).lines
    assert line.left == 1


@pytest.mark.parametrize("name", ["", "m", "mx-g1", "m999999-g1", "m" + "9" * 40 + "-g1"])
def test_a_name_of_no_doubted_mail_names_nothing(db, far, launch, name):
    restoring.reconcile(far)
    assert feedback.ingest(far, sent(name)) == "orphan"


def test_the_queue_is_read_to_its_end(db, far, launch):
    queue = Queue(*names(db, launch)[:2])
    found = restoring.reconcile(replace(far, events=queue))
    assert (found.events, found.lines[0].left, queue.waiting) == (2, 2, [])


def test_a_body_that_is_no_event_is_left_to_the_worker(db, far, launch):
    queue = Queue("nonsense", names(db, launch)[0])
    found = restoring.reconcile(replace(far, events=queue))
    assert (found.unreadable, found.lines[0].left, queue.waiting) == (1, 1, ["nonsense"])


def test_an_archive_is_read_like_the_queue(db, far, launch):
    found = restoring.reconcile(replace(far, events=Queue()), names(db, launch))
    assert (found.events, found.lines[0].left) == (3, 3)


def test_nobody_gets_a_second_copy_when_the_launch_goes_on(db, far, mail, launch, clock):
    restoring.reconcile(replace(far, events=Queue(names(db, launch)[0])))
    resume(far, launch)
    clock.forward(days=2)
    settle(far)
    assert mail.taken == []
    assert look.states(db, launch.id) == ["accepted", "unconfirmed", "unconfirmed"]


def test_what_stays_unknown_may_be_asked_for_by_a_person(db, far, mail, launch, clock):
    restoring.reconcile(far)
    clock.forward(days=2)
    resume(far, launch)
    with db.transaction() as session:
        moved = session.scalars(select(Message)).all()
        assert {one.send_state for one in moved} == {SendState.UNCONFIRMED}


def test_the_ledger_agrees_with_itself_after_it(db, far, launch):
    restoring.reconcile(replace(far, events=Queue(names(db, launch)[0])))
    with db.reading() as session:
        assert [line for holds, line in invariants.findings(session) if not holds] == []


def test_the_outbox_says_what_it_never_got_and_it_is_sent_once(db, system, launch):
    [line] = restoring.reconcile(system).lines
    assert (line.doubted, line.unsent) == (3, 3)
    resume(system, launch)
    assert look.states(db, launch.id) == ["accepted"] * 3
    assert len(list(system.settings.outbox_folder.glob("new/*.eml"))) == 3


def test_the_outbox_says_what_it_has(db, system, launch):
    name = names(db, launch)[0]
    raw = b"To: ada@reader.example\r\nSubject: x\r\n\r\nx"
    system.mail.send(
        Envelope(
            attempt_id="0" * 32, name=name, mail_from="a@b.example",
            rcpt_to="ada@reader.example", raw=raw, tags={},
        ),
        deadline=float("inf"),
    )  # fmt: skip
    [line] = restoring.reconcile(system).lines
    assert (line.left, line.unsent) == (1, 2)
    assert look.states(db, launch.id) == ["accepted", "queued", "queued"]


def scheduled(db, **given):
    with db.transaction() as session:
        factories.bind(session)
        made = make.launch(contacts=2, **given)
        make.schedule(made)
        return made


def test_a_launch_whose_hour_has_come_since_may_have_begun(db, far, clock):
    made = scheduled(db, start_at=NOW + timedelta(hours=1))
    clock.forward(hours=2)
    assert restoring.reconcile(far).doubted == 2
    assert look.states(db, made.id) == ["in_doubt"] * 2


def test_one_whose_hour_is_to_come_has_not(db, far, clock):
    made = scheduled(db, start_at=NOW + timedelta(hours=5))
    clock.forward(hours=2)
    assert restoring.reconcile(far).doubted == 0
    assert look.states(db, made.id) == ["planned"] * 2


def test_resumed_it_begins_at_its_hour_and_reaches_everybody_once(db, system, clock):
    made = scheduled(db, start_at=NOW + timedelta(hours=1))
    clock.forward(hours=2)
    restoring.reconcile(system)
    resume(system, made)
    assert look.states(db, made.id) == ["accepted"] * 2
    assert len(list(system.settings.outbox_folder.glob("new/*.eml"))) == 2


def test_a_later_mail_whose_day_has_come_since_is_doubted_too(db, far, clock):
    with db.transaction() as session:
        factories.bind(session)
        made = make.running_launch(contacts=2, mails=2)
        for one in session.scalars(select(Message)):
            one.send_state, one.accepted_at = SendState.ACCEPTED, NOW
        day = service.due(session, made, service.steps.of(made)[1])
    clock.forward(seconds=(day - NOW).total_seconds() + 60)
    restoring.reconcile(far)
    assert look.states(db, made.id, 2) == ["in_doubt"] * 2


def test_mails_of_a_later_hour_have_not_left(db, far, launch, clock):
    with db.transaction() as session:
        session.execute(
            text("UPDATE send_chunks SET not_before = :later"), {"later": NOW + timedelta(hours=9)}
        )
    assert restoring.reconcile(far).doubted == 0
    assert look.states(db, launch.id) == ["queued"] * 3


def test_what_was_on_its_way_when_the_backup_was_made_is_doubted(db, far, launch):
    with db.transaction() as session:
        one = session.scalars(select(Message).order_by(Message.id)).first()
        one.send_state, one.attempt_n = SendState.SUBMITTING, 1
        session.add(
            Attempt(
                id=uuid4(), message_id=one.id, n=1, transport="fake", raw_sha256=b"x" * 32,
                started_at=NOW, lease_until=NOW,
            )
        )  # fmt: skip
    restoring.reconcile(replace(far, events=Queue(names(db, launch)[0])))
    assert look.states(db, launch.id) == ["accepted", "in_doubt", "in_doubt"]


def test_numbers_given_after_the_backup_are_given_to_nobody_else(db, far, launch):
    if db.engine.dialect.name != "postgresql":
        return  # SQLite numbers by its last row: docs/operations.md says what that costs
    last = look.messages(db, launch.id)[-1].id
    for _time in range(2):
        restoring.reconcile(far)
    with db.transaction() as session:
        factories.bind(session)
        other = make.running_launch(contacts=1)
    assert last + 1_000_000 < look.messages(db, other.id)[0].id <= last + 1_000_010


def test_it_stands_in_the_audit_log(db, far, launch):
    restoring.reconcile(far)
    with db.reading() as session:
        entry = session.scalars(
            select(AuditLog).where(AuditLog.action == "launch.reconciled")
        ).one()
    assert (entry.object_id, entry.detail) == (str(launch.id), {"mails": 3})


def test_the_command_prints_the_table(db, far, launch, tmp_path: Path):
    archive = tmp_path / "events.jsonl"
    archive.write_text("\n".join([*names(db, launch)[:2], "nonsense", ""]))
    told = CliRunner().invoke(
        manage.reconcile, ["--events", str(archive)], obj=replace(far, events=Queue())
    )
    assert told.exit_code == 0, told.output
    assert "1 launches paused, 3 mails may have left since." in told.output
    assert "2 events read, 1 were none." in told.output
    last = told.output.splitlines()[-1].split()
    assert last == [launch.campaign_code, "paused", "3", "2", "0", "1"]


def test_an_archive_needs_to_know_how_it_is_read(far, launch):
    with pytest.raises(restoring.Invalid, match="TPMA_SQS_QUEUE_URL"):
        restoring.reconcile(far, ["m1-g1"])


def test_a_launch_taken_along_is_left_alone(db, far):
    made = scheduled(db, own_mailer=True, start_at=NOW + timedelta(hours=5))
    restoring.reconcile(far)
    assert look.launch(db, made.id).state is LaunchState.PAUSED

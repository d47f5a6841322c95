"""Random walks through everything that can happen to a small launch.

Whatever the order: no row is lost, nobody gets a second copy, nothing ended wakes up, and a
message that is accepted has an attempt that says so.
"""

import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from tests import databases, factories
from tests.conftest import TestClock
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail, FakePdf
from tpma.core.schema import upgrade
from tpma.core.settings import Settings
from tpma.identity.models import Organisation
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.ports.mail import Outcome, Scope, SendResult
from tpma.sending import engine, feedback, recovery, service
from tpma.sending.models import Attempt, Message, SendState
from tpma.sending.rules import TERMINAL, TRANSITIONS
from tpma.system import System
from tpma.tracking import unsubscribing

PEOPLE = 6
_NEXT = {
    state: {after for (before, _e), after in TRANSITIONS.items() if before is state}
    for state in SendState
}


class Died(BaseException):
    """A kill, from the inside."""


class LifeOfALaunch(RuleBasedStateMachine):
    template: Path

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "tpma.db"
        path.write_bytes(self.template.read_bytes())
        self.clock = TestClock()
        self.lent = ExitStack()
        self.db = self.lent.enter_context(databases.files().lent(path, self.clock))
        self.mail = FakeMail()
        self.system = System(
            db=self.db,
            mail=self.mail,
            pdf=FakePdf(),
            signer=make.SIGNER,
            settings=Settings(home=Path(self.folder.name), secret_key="test-secret", send_batch=2),
            clock=self.clock,
        )
        with self.db.transaction() as session:
            factories.bind(session)
            self.launch_id = make.running_launch(contacts=PEOPLE).id
        self.was = {message.id: message.send_state for message in self.messages()}

    def teardown(self):
        if hasattr(self, "db"):
            self.lent.close()
            self.folder.cleanup()

    def messages(self):
        return look.messages(self.db, self.launch_id)

    def script(self, outcome, taken):
        def answer(envelope):
            if taken:
                self.mail.take(envelope)
            if outcome is None:
                raise Died
            return SendResult(outcome, "id", code="said", scope=Scope.MESSAGE)

        return answer

    @rule(
        outcome=st.sampled_from([None, *Outcome]),
        reached=st.booleans(),
        batches=st.integers(1, 3),
    )
    def work(self, outcome, reached, batches):
        """A worker meets a provider of any mood, or dies in the middle of a call."""
        unclear = outcome in (None, Outcome.MAYBE)
        self.mail.script = (
            None if outcome is Outcome.ACCEPTED else self.script(outcome, unclear and reached)
        )
        with suppress(Died):
            engine.drain(self.system, look.owner(), most_batches=batches)
        self.mail.script = None

    @rule(minutes=st.sampled_from([0.1, 2, 30, 60 * 25]))
    def wait(self, minutes):
        self.clock.forward(minutes=minutes)

    @rule()
    def recover(self):
        recovery.tick(self.system)

    @rule(which=st.integers(0, PEOPLE - 1))
    def provider_tells_of_what_it_took(self, which):
        if self.mail.taken:
            envelope = self.mail.taken[which % len(self.mail.taken)]
            event = look.event(envelope.attempt_id, "send", self.clock())
            assert feedback.ingest(self.system, event) in {"applied", "repeated"}

    @rule(which=st.integers(0, PEOPLE - 1))
    def unsubscribe(self, which):
        with self.db.transaction() as session:
            message = session.get_one(Message, self.messages()[which].id)
            unsubscribing.unsubscribe(session, message, make.visit(self.clock()), "page")

    @rule()
    def pause_or_resume(self):
        with self.db.transaction() as session:
            launch = session.get_one(Launch, self.launch_id)
            if launch.state is LaunchState.RUNNING:
                launches.pause(session, None, launch)
            elif launch.state is LaunchState.PAUSED:
                launches.resume(session, None, launch)

    @rule(chance=st.integers(0, 9))
    def stop(self, chance):
        if chance:
            return
        with self.db.transaction() as session:
            launch = session.get_one(Launch, self.launch_id)
            if launch.state in (LaunchState.RUNNING, LaunchState.PAUSED):
                factories.bind(session)
                company = session.get_one(Organisation, launch.tenant_id)
                service.stop(session, make.actor(make.member_of(company)), launch)

    @invariant()
    def no_row_is_lost(self):
        if hasattr(self, "db"):
            assert len(self.messages()) == PEOPLE

    @invariant()
    def nobody_has_two_copies(self):
        if hasattr(self, "db"):
            assert all(n == 1 for n in Counter(self.mail.recipients).values())

    @invariant()
    def every_step_is_one_of_the_table(self):
        """Two or three steps may lie between two looks, so reachability is what is asked."""
        if not hasattr(self, "db"):
            return
        for message in self.messages():
            before = self.was[message.id]
            assert message.send_state is before or message.send_state in _reachable(before)
            if before in TERMINAL - {SendState.UNCONFIRMED}:
                assert message.send_state is before
            self.was[message.id] = message.send_state

    @invariant()
    def accepted_means_an_attempt_was_accepted(self):
        if not hasattr(self, "db"):
            return
        with self.db.reading() as session:
            proved = set(
                session.scalars(select(Attempt.message_id).where(Attempt.outcome == "accepted"))
            )
        for message in self.messages():
            assert message.send_state is not SendState.ACCEPTED or message.id in proved

    @invariant()
    def what_was_taken_is_never_waiting_to_be_sent(self):
        if not hasattr(self, "db"):
            return
        taken = {int(envelope.name[1:].split("-")[0]) for envelope in self.mail.taken}
        for message in self.messages():
            assert message.id not in taken or message.send_state is not SendState.QUEUED


def _reachable(state):
    found, todo = set(), [state]
    while todo:
        for after in _NEXT[todo.pop()]:
            if after not in found:
                found.add(after)
                todo.append(after)
    return found


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("walks") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


def test_random_walks_keep_every_promise(template):
    LifeOfALaunch.template = template
    run_state_machine_as_test(
        LifeOfALaunch,
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

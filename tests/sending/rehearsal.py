"""A launch sent to the simulator by processes that die, and the judgement of what came of it.

The simulator's journal is the truth: what it holds was accepted, what it does not hold was not.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select as query

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tests.simulator.stage import PLAN, Running
from tpma.adapters.events_sqs import SqsEvents
from tpma.adapters.mail_ses import SesMail
from tpma.audiences.models import Contact
from tpma.core.clock import utc_now
from tpma.core.db import Database
from tpma.identity.models import Organisation
from tpma.launches import service as launches
from tpma.launches.models import LaunchState
from tpma.sending import engine, provider, recovery
from tpma.sending import service as sending
from tpma.sending.models import DeliveryFact, EventInbox, FactKind, Message, SendState
from tpma.worker.loop import listen

ROOT = Path(__file__).parents[2]
KNOBS = PLAN | {
    "identities": {"mail.tpma.example": "published"},
    "sns": PLAN["sns"] | {"sign": False},
    "faults": {"rates": {}, "hang_seconds": 0.3},
}
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
BATCH = 5
WORKERS = "rehearsal"  # what their connections are called
VISIBILITY = 10  # seconds; the least the product allows
AFTER_A_LEASE = 2  # seconds
AFTER_A_CALL = 80
AFTER_ALL_DOUBT = 25 * 3600
NOT_OVER = (SendState.QUEUED, SendState.SUBMITTING, SendState.IN_DOUBT)


class Simulator(Running):
    """The provider of these tests, one process for all of them."""

    def __init__(self, home, keys):
        super().__init__(home, plan=KNOBS, keys=keys)
        self.queue = self.client("sqs").get_queue_url(QueueName="events")["QueueUrl"]
        self.known = 0

    def fresh(self):
        """As if nothing had been sent, for the next test."""
        self.plan(**KNOBS)
        self.client("sqs").purge_queue(QueueUrl=self.queue)
        self.known = (self.home / "journal.jsonl").stat().st_size

    def accepted(self):
        """Lines of the journal about readers, since the test began."""
        with (self.home / "journal.jsonl").open("rb") as file:
            file.seek(self.known)
            whole = file.read().rpartition(b"\n")[0]
        lines = map(json.loads, whole.splitlines())
        return [line for line in lines if line["recipient"].endswith("@reader.example")]


class Nursery:
    """Makes processes to order (tests/sending/crashing.py); its end is theirs too."""

    def __init__(self, address):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.sending.crashing"],
            cwd=ROOT,
            env=os.environ
            | {
                "PYTHONPATH": str(ROOT),
                "AWS_ENDPOINT_URL": address,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "TPMA_SECRET_KEY": "test-secret",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def born(self, **order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def end(self):
        os.killpg(self._process.pid, signal.SIGKILL)  # of its own session: itself and its children
        self._process.wait(10)
        self._process.stdin.close()
        self._process.stdout.close()


def gone(pid, seconds=20.0):
    """Wait until this process, which is nobody's child here, has ended."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watch], [], [], seconds)[0])
    finally:
        os.close(watch)


def state_of(pid):
    """The letter /proc has for it: S sleeping, T stopped…; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except FileNotFoundError:
        return ""


class Rehearsal:
    """One test's launches, its processes and its clock, which can be put ahead."""

    def __init__(self, system, url, simulator, nursery):
        self.simulator, self._nursery = simulator, nursery
        self.ahead = 0.0
        self.kills = 0
        self._children = []
        self._env = {
            "PGAPPNAME": WORKERS,
            "TPMA_HOME": str(system.settings.home),
            "TPMA_DATABASE_URL": url,
            "TPMA_MAIL": "ses",
            "TPMA_SES_CONFIGURATION_SET": "tpma",
            "TPMA_SQS_QUEUE_URL": simulator.queue,
            "TPMA_SQS_VISIBILITY_SECONDS": str(VISIBILITY),
            "TPMA_LEASE_SECONDS": "1",
            "TPMA_POLL_SECONDS": "0.02",
            "TPMA_SEND_BATCH": str(BATCH),
            "TPMA_CANARY_SECONDS": "0",
        }
        settings = system.settings.model_copy(
            update={
                "mail": "ses", "lease_seconds": 1, "poll_seconds": 0.02, "send_batch": BATCH,
                "canary_seconds": 0,
            }
        )  # fmt: skip
        self.db = Database(url, self.clock)
        region, where = settings.ses_region, KEYS | {"endpoint_url": simulator.address}
        mail = SesMail.of(region, "tpma", **where)
        events = SqsEvents.of(region, simulator.queue, VISIBILITY, self.clock, **where)
        self.system = replace(
            system, db=self.db, clock=self.clock, settings=settings, mail=mail, events=events
        )
        self._clients = [mail._client, events._client]
        provider.refresh(self.system)

    def clock(self):
        return utc_now() + timedelta(seconds=self.ahead)

    def close(self):
        for child in self._children:
            if state_of(child):
                os.kill(child, signal.SIGKILL)
        assert all(gone(child) for child in self._children)
        for client in self._clients:
            client.close()
        self.db.close()

    # Launches

    def draft(self, people, *words):
        """The id of a draft with so many readers, and one for each word of the simulator's."""
        with self.db.transaction() as session:
            factories.bind(session)
            launch = make.launch(contacts=people)
            company = session.get_one(Organisation, launch.tenant_id)
            for word in words:
                make.contact(company, email=f"{word}+{next(make._number)}@reader.example")
            return launch.id

    def running(self, people, *words):
        launch_id = self.draft(people, *words)
        with self.db.transaction() as session:
            factories.bind(session)
            launch = session.get_one(launches.Launch, launch_id)
            make.schedule(launch)
            launches.start(session, launch)
            sending.queue_step(session, launch, 1, self.clock())
        return launch_id

    @contextmanager
    def deciding(self, launch_id):
        """A transaction of somebody who may do anything with the launch."""
        with self.db.transaction() as session:
            factories.bind(session)
            launch = session.get_one(launches.Launch, launch_id, with_for_update=True)
            company = session.get_one(Organisation, launch.tenant_id)
            yield session, make.actor(make.member_of(company)), launch

    # Processes

    def equip(self, **variables):
        """Settings of the workers to come."""
        self._env |= variables

    def worker(self, job="drain", **order):
        child = self._nursery.born(job=job, ahead=self.ahead, env=self._env, **order)
        self._children.append(child)
        return child

    def killed(self, trap, hit=1, job="drain", **order):
        """A process that died in this trap; leases of its kind are over when this returns."""
        child = self.worker(job, trap=trap, hit=hit, **order)
        assert gone(child), f"nobody came by {trap} for the {hit}. time"
        self.kills += 1
        self.ahead += AFTER_A_LEASE

    def kill(self, child):
        if state_of(child):
            os.kill(child, signal.SIGKILL)
        assert gone(child)
        self.kills += 1
        self.ahead += AFTER_A_LEASE

    def has_sent_more_than(self, number):
        return len(self.simulator.accepted()) > number

    # The rest of the way

    def finish(self, seconds=30.0):
        """Send what is left, by a worker that nothing happens to."""
        end = time.monotonic() + seconds
        while self.count(SendState.QUEUED):
            assert time.monotonic() < end, f"{self.count(SendState.QUEUED)} are still waiting"
            if not engine.drain(self.system, look.owner()):
                self.ahead += AFTER_A_LEASE

    def hear(self, seconds=30.0):
        """Take everything the feed has to tell, what comes again included."""
        end = time.monotonic() + seconds
        while True:
            assert time.monotonic() < end, "the feed never ends"
            if listen(self.system, wait_s=0):
                continue
            told = self.simulator.counters()
            if not told["pending"] and not any(told["queues"]["events"].values()):
                return
            if told["queues"]["events"]["hidden"]:
                self.simulator.forward(VISIBILITY + 1)

    def give_up(self):
        """What nobody can prove is told as unconfirmed."""
        for span in (AFTER_A_CALL, AFTER_ALL_DOUBT):
            self.ahead += span
            recovery.tick(self.system)

    # Judgement

    def count(self, *states):
        return sum(message.send_state in states for message in self.messages().values())

    def messages(self):
        """Address → message."""
        with self.db.reading() as session:
            rows = session.execute(
                query(Contact.email, Message).join(Message, Message.contact_id == Contact.id)
            ).all()
        return {row[0]: row[1] for row in rows}

    def counted_events(self):
        """What the feed told, as the product counted it: kind → how many were applied."""
        with self.db.reading() as session:
            rows = session.scalars(query(EventInbox).where(EventInbox.status != "foreign"))
            return Counter(row.body["kind"] for row in rows)

    def in_state(self, state):
        return {a for a, message in self.messages().items() if message.send_state is state}

    def judge(self, *, unconfirmed):
        """Held against the journal: nobody has two, nothing accepted is unknown to us, and no
        more than `unconfirmed` are without proof."""
        lines = self.simulator.accepted()
        copies = Counter(line["recipient"] for line in lines)
        assert not {who: n for who, n in copies.items() if n > 1}
        assert not self.count(*NOT_OVER)
        assert self.in_state(SendState.ACCEPTED) == set(copies)
        assert self.count(SendState.UNCONFIRMED) <= unconfirmed
        self._judge_attempts(lines)

    def _judge_attempts(self, lines):
        """Each acceptance is of an attempt of ours, known by the provider's id, with its fact."""
        attempts = {attempt.id.hex: attempt for attempt in look.attempts(self.db)}
        of = {m.id: address for address, m in self.messages().items()}
        with self.db.reading() as session:
            accepted = session.scalars(
                query(DeliveryFact.message_id).where(DeliveryFact.kind == FactKind.ACCEPTED)
            ).all()
        assert sorted(of[number] for number in accepted) == sorted(
            line["recipient"] for line in lines
        )
        for line in lines:
            attempt = attempts[line["attempt"].replace("-", "")]
            assert (attempt.outcome, attempt.provider_id) == ("accepted", line["message_id"])
            assert of[attempt.message_id] == line["recipient"]

    def is_over(self, launch_id):
        return look.launch(self.db, launch_id).state is LaunchState.COLLECTING

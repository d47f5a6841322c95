"""The queue: what is committed is taken off it, what is not comes again, and poison is put aside.

SQS is moto's, in this process: real receipts, visibility and counts of receives.
"""

import json
import time
from dataclasses import replace
from threading import Thread

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from tests.factories import launches as make
from tests.factories import sending as look
from tests.factories import ses
from tests.fakes import FakeMail
from tpma.adapters.events_sqs import SqsEvents
from tpma.core.errors import Unavailable
from tpma.ports.events import EventKind
from tpma.sending import engine, feedback
from tpma.sending.events.models import DeadEvent
from tpma.sending.models import EventInbox
from tpma.worker import loop
from tpma.worker.loop import Worker, listen, settle

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)
REGION = "eu-west-1"


@pytest.fixture
def queue(monkeypatch):
    """The address of an empty queue, and a client to look into it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("sqs", region_name=REGION)
        yield client, client.create_queue(QueueName="tpma-events")["QueueUrl"]


@pytest.fixture
def fed(system, queue, clock):
    """The system, listening; a message that is not acknowledged is back at once."""
    source = SqsEvents.of(REGION, queue[1], 0, clock)
    return replace(system, events=source)


@pytest.fixture
def sent(db, session, system):
    launch = make.running_launch(contacts=1)
    session.commit()
    engine.drain(look.by(system, FakeMail()), look.owner())
    return launch, look.attempts(db)[0].id.hex


def put(queue, *told):
    client, url = queue
    for one in told:
        body = one if isinstance(one, str) else json.dumps(envelope(one))
        client.send_message(QueueUrl=url, MessageBody=body)


def envelope(told):
    """As SNS delivers it to a queue: the signature is the queue policy's business."""
    return {"Type": "Notification", "TopicArn": ses.TOPIC, "Message": json.dumps(told)}


def left(queue):
    client, url = queue
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(told[name]) for name in names)


def dead(db):
    with db.reading() as session:
        return list(session.scalars(select(DeadEvent)))


def statuses(db):
    with db.reading() as session:
        return sorted(session.scalars(select(EventInbox.status)))


def test_events_are_applied_and_taken_off(db, fed, queue, sent):
    launch, attempt = sent
    put(queue, ses.send(attempt), ses.delivery(attempt), ses.delivery(attempt))
    assert listen(fed, wait_s=0) == 3
    assert left(queue) == 0
    assert statuses(db) == ["applied", "applied"]  # two copies are one event
    kinds = {kind for kind, _at, _key in look.facts(db, look.messages(db, launch.id)[0].id)}
    assert {"accepted", "delivered"} <= kinds


def test_an_envelope_and_a_bare_event_are_read_alike(db, fed, queue, sent):
    put(queue, ses.send(sent[1]), json.dumps(ses.send(sent[1])))
    assert listen(fed, wait_s=0) == 2
    assert statuses(db) == ["applied"]


def test_more_than_a_batch_is_taken_in_turns(db, fed, queue, sent):
    put(queue, *(ses.delivery(sent[1], f"2026-03-02T08:59:{n:02}.000Z") for n in range(23)))
    settle(fed)
    assert left(queue) == 0
    assert len(statuses(db)) == 23


def test_what_did_not_commit_is_not_acknowledged(db, fed, queue, sent, monkeypatch):
    def locked(*_args):
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    put(queue, ses.delivery(sent[1]))
    with monkeypatch.context() as patch:
        patch.setattr(feedback, "ingest", locked)
        for _try in range(fed.settings.sqs_most_receives + 3):
            assert listen(fed, wait_s=0) == 0
    assert dead(db) == []  # the database's trouble is not the message's
    assert listen(fed, wait_s=0) == 1
    assert statuses(db) == ["applied"]


def test_a_worker_that_dies_before_its_answer_leaves_it_there(db, fed, queue, sent, monkeypatch):
    put(queue, ses.delivery(sent[1]))
    monkeypatch.setattr(fed.events, "ack", lambda _events: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        listen(fed, wait_s=0)
    monkeypatch.undo()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    assert listen(fed, wait_s=0) == 1
    assert left(queue) == 0
    assert statuses(db) == ["applied"]


@pytest.mark.parametrize("poison", ["<html>", "{", '{"TopicArn": "x", "Message": "no json"}'])
def test_poison_is_put_aside_after_its_tries_and_blocks_nobody(db, fed, queue, sent, poison):
    put(queue, poison, ses.delivery(sent[1]))
    assert listen(fed, wait_s=0) == 1
    assert statuses(db) == ["applied"]
    for _try in range(fed.settings.sqs_most_receives - 2):
        assert listen(fed, wait_s=0) == 0
    assert dead(db) == []
    assert listen(fed, wait_s=0) == 1
    [buried] = dead(db)
    assert (buried.body, buried.receives, buried.source) == (poison, 5, "ses")
    assert buried.error.startswith("Unreadable")
    assert left(queue) == 0


def test_a_fault_of_ours_is_put_aside_too(db, fed, queue, sent, monkeypatch):
    def broken(*_args):
        raise KeyError("a bug")

    monkeypatch.setattr(feedback, "ingest", broken)
    put(queue, ses.delivery(sent[1]))
    for _try in range(fed.settings.sqs_most_receives):
        listen(fed, wait_s=0)
    assert dead(db)[0].error == "KeyError: 'a bug'"


def test_what_was_put_aside_is_forgotten_after_a_month(db, fed, queue, sent, clock):
    for body in ("<old>", "<new>"):
        put(queue, body)
        for _try in range(fed.settings.sqs_most_receives):
            listen(fed, wait_s=0)
        clock.forward(days=31)
    assert [buried.body for buried in dead(db)] == ["<new>"]


@pytest.mark.parametrize(
    "told", [{}, [], "text", {"detail-type": "Sending Status Disabled"}, {"Type": "Notification"}]
)
def test_news_of_no_mail_are_taken_and_left_alone(db, fed, queue, told):
    put(queue, json.dumps(told))
    assert listen(fed, wait_s=0) == 1
    assert left(queue) == 0
    assert statuses(db) == []


def test_another_installations_events_are_acknowledged(db, fed, queue, sent):
    put(queue, ses.complaint(sent[1], environment="staging"))
    assert listen(fed, wait_s=0) == 1
    assert (left(queue), statuses(db)) == (0, ["foreign"])


def test_a_message_is_hidden_while_it_is_worked_on(db, queue, clock):
    source = SqsEvents.of(REGION, queue[1], 60, clock)
    put(queue, ses.send())
    [raw] = source.receive(10, 0)
    assert source.receive(10, 0) == []
    assert (raw.receives, raw.received_at) == (1, clock())
    assert [event.kind for event in source.parse(raw)] == [EventKind.SEND]


def test_a_queue_that_is_not_there_is_unavailable(db, queue, clock):
    source = SqsEvents.of(REGION, queue[1] + "-gone", 60, clock)
    with pytest.raises(Unavailable):
        source.receive(10, 0)


def test_a_queue_that_cannot_be_reached_is_unavailable(db, clock, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    url = "http://127.0.0.1:1/1/queue"
    source = SqsEvents.of(REGION, url, 60, clock, endpoint_url="http://127.0.0.1:1")
    with pytest.raises(Unavailable):
        source.receive(1, 0)


def test_a_worker_listens_beside_its_rounds_and_stops(db, fed, queue, sent, monkeypatch):
    monkeypatch.setattr(loop, "_LONG_WAIT", 0.2)
    put(queue, ses.delivery(sent[1]))
    worker = Worker(fed)
    running = Thread(target=worker.run)
    running.start()
    limit = time.monotonic() + 20
    while left(queue) and time.monotonic() < limit:
        time.sleep(0.05)
    worker.stop()
    running.join(20)
    assert not running.is_alive()
    assert statuses(db) == ["applied"]


def test_a_worker_outlives_a_queue_in_trouble(db, fed, queue, sent, monkeypatch):
    monkeypatch.setattr(loop, "_AFTER_FAILURE", 0.01)
    monkeypatch.setattr(loop, "_LONG_WAIT", 0.1)
    asked, real = [], fed.events.receive

    def sometimes(most, wait_s):
        asked.append(1)
        if len(asked) < 3:
            raise Unavailable("The event queue cannot be read.")
        return real(most, wait_s)

    monkeypatch.setattr(fed.events, "receive", sometimes)
    put(queue, ses.delivery(sent[1]))
    worker = Worker(fed)
    running = Thread(target=worker.run)
    running.start()
    limit = time.monotonic() + 20
    while left(queue) and time.monotonic() < limit:
        time.sleep(0.05)
    worker.stop()
    running.join(20)
    assert statuses(db) == ["applied"]

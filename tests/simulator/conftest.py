"""One simulator for the tests of a process; each test finds its knobs as in `PLAN`."""

import json
from itertools import count

import pytest

from tests.simulator.stage import PLAN, RAW, SENDER, Running, Subscriber
from tpma.simulator.keys import keys


@pytest.fixture(scope="session")
def keyring(tmp_path_factory):
    """The folder of keys every simulator of these tests begins with."""
    home = tmp_path_factory.mktemp("keys")
    return keys(home, "eu-west-1", 1_772_000_000.0).folder


@pytest.fixture(scope="session")
def shared(tmp_path_factory, keyring):
    running = Running(tmp_path_factory.mktemp("simulator") / "home", "--keep-raw", keys=keyring)
    running.ses = running.client("sesv2", parameter_validation=False)
    running.sqs = running.client("sqs")
    running.sns = running.client("sns")
    running.queue = running.sqs.get_queue_url(QueueName="events")["QueueUrl"]
    yield running
    running.stop()


@pytest.fixture
def simulator(shared):
    shared.plan(**PLAN)
    shared.sqs.purge_queue(QueueUrl=shared.queue)
    shared.known = len(shared.journal())
    return shared


@pytest.fixture
def ses(simulator):
    return simulator.ses


_numbers = count(1)


@pytest.fixture
def number():
    """Another one each time, to make names of one's own."""
    return next(_numbers)


@pytest.fixture
def send(ses):
    """One raw mail to an address; anything of the request may be changed."""

    def send(recipient="ada@reader.example", **changes):
        request = {
            "FromEmailAddress": SENDER,
            "Destination": {"ToAddresses": [recipient]},
            "Content": {"Raw": {"Data": RAW}},
            "EmailTags": [{"Name": "tpma-attempt", "Value": f"a{next(_numbers)}"}],
            "ConfigurationSetName": "tpma",
        }
        request |= changes
        return ses.send_email(**{k: v for k, v in request.items() if v is not None})

    return send


@pytest.fixture
def accepted(simulator):
    """What the journal has taken since the test began."""
    return lambda: simulator.journal()[simulator.known :]


@pytest.fixture
def events(simulator):
    """Envelopes received from the queue and deleted, as many as wanted."""

    def events(wanted, *, envelopes=False):
        found = []
        while len(found) < wanted:
            got = simulator.sqs.receive_message(
                QueueUrl=simulator.queue, MaxNumberOfMessages=10, WaitTimeSeconds=2
            ).get("Messages", [])
            assert got, f"{len(found)} of {wanted} events came"
            for message in got:
                simulator.sqs.delete_message(
                    QueueUrl=simulator.queue, ReceiptHandle=message["ReceiptHandle"]
                )
                found.append(json.loads(message["Body"]))
        assert len(found) == wanted
        return found if envelopes else [json.loads(each["Message"]) for each in found]

    return events


@pytest.fixture
def subscriber():
    found = Subscriber()
    yield found
    found.end()

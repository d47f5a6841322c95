"""The built-in queues, asked by boto3."""

import json
import threading
import time

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def sqs(simulator):
    return simulator.sqs


@pytest.fixture
def queue(sqs, number):
    made = sqs.create_queue(QueueName=f"q{number}", Attributes={"VisibilityTimeout": "20"})
    return made["QueueUrl"]


def receive(sqs, queue, **changes):
    return sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, **changes).get(
        "Messages", []
    )


def bodies(messages):
    return [message["Body"] for message in messages]


def test_what_is_received_is_hidden_until_its_time_is_over(simulator, sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="one")
    [first] = receive(sqs, queue, MessageSystemAttributeNames=["All"])
    assert first["Attributes"]["ApproximateReceiveCount"] == "1"
    assert receive(sqs, queue) == []
    simulator.forward(20)
    [again] = receive(sqs, queue)
    assert again["MessageId"] == first["MessageId"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_what_is_deleted_does_not_come_back(simulator, sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="one")
    [message] = receive(sqs, queue)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    simulator.forward(60)
    assert receive(sqs, queue) == []


def test_a_stale_receipt_deletes_nothing(simulator, sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="one")
    [stale] = receive(sqs, queue)
    simulator.forward(20)
    receive(sqs, queue, VisibilityTimeout=0)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=stale["ReceiptHandle"])
    assert bodies(receive(sqs, queue)) == ["one"]


def test_visibility_can_be_given_up_and_prolonged(simulator, sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="one")
    [message] = receive(sqs, queue)
    change = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]}
    sqs.change_message_visibility(**change, VisibilityTimeout=100)
    simulator.forward(50)
    assert receive(sqs, queue) == []
    sqs.change_message_visibility(**change, VisibilityTimeout=0)
    assert bodies(receive(sqs, queue)) == ["one"]


def test_batches_tell_each_entrys_fate(sqs, queue):
    for body in "abc":
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    entries = [{"Id": m["Body"], "ReceiptHandle": m["ReceiptHandle"]} for m in receive(sqs, queue)]
    entries.append({"Id": "bad", "ReceiptHandle": "nonsense"})
    told = sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    assert [each["Id"] for each in told["Successful"]] == ["a", "b", "c"]
    assert [(e["Id"], e["Code"]) for e in told["Failed"]] == [("bad", "ReceiptHandleIsInvalid")]


def test_counts_are_told(sqs, queue):
    for body in "abc":
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    sqs.receive_message(QueueUrl=queue)
    told = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert told["ApproximateNumberOfMessages"] == "2"
    assert told["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert told["QueueArn"].startswith("arn:aws:sqs:eu-west-1:123456789012:q")
    only = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    assert list(only) == ["QueueArn"]


def test_a_long_poll_ends_when_something_comes(simulator, sqs, queue):
    writer = simulator.client("sqs")
    timer = threading.Timer(0.2, lambda: writer.send_message(QueueUrl=queue, MessageBody="at last"))
    timer.start()
    begun = time.monotonic()
    assert bodies(receive(sqs, queue, WaitTimeSeconds=5)) == ["at last"]
    assert time.monotonic() - begun < 3
    timer.join()


def test_a_long_poll_sees_what_becomes_visible_again(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="one")
    receive(sqs, queue, VisibilityTimeout=1)
    assert bodies(receive(sqs, queue, WaitTimeSeconds=4)) == ["one"]


def test_what_nobody_digests_goes_to_the_dead_letters(simulator, sqs, number):
    dead = sqs.create_queue(QueueName=f"dead{number}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = {
        "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
        "maxReceiveCount": "2",
    }
    queue = sqs.create_queue(
        QueueName=f"live{number}", Attributes={"RedrivePolicy": json.dumps(policy)}
    )["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="poison")
    for _ in range(2):
        assert bodies(receive(sqs, queue, VisibilityTimeout=0)) == ["poison"]
    assert receive(sqs, queue) == []
    assert bodies(receive(sqs, dead)) == ["poison"]


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("get_queue_url", {"QueueName": "none"}, "AWS.SimpleQueueService.NonExistentQueue"),
        ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ("receive_message", {"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        ("receive_message", {"VisibilityTimeout": 43_201}, "InvalidParameterValue"),
        ("delete_message", {"ReceiptHandle": "nonsense"}, "ReceiptHandleIsInvalid"),
        ("list_queues", {}, "UnsupportedOperation"),
    ],
)
def test_mistakes_are_told_as_sqs_tells_them(sqs, queue, name, given, code):
    if name not in ("get_queue_url", "list_queues"):
        given = {**given, "QueueUrl": queue}
    with pytest.raises(ClientError) as caught:
        getattr(sqs, name)(**given)
    assert caught.value.response["Error"]["Code"] == code

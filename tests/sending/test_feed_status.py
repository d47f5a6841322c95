"""What the shell and the doctor say of the feed."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from tests.factories import sending as look
from tests.factories.ses import NOW, TOPIC
from tests.fakes import FakeMail
from tpma.core.errors import Invalid
from tpma.ports.events import RawEvent
from tpma.sending import watermark
from tpma.sending.cli import feed
from tpma.sending.events import feeding, health, subscriptions

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def away(system):
    """A system whose mail leaves the machine, and that may be posted to."""
    return look.by(system, FakeMail(), sns_topics=TOPIC)


def said(system, *words):
    return CliRunner().invoke(feed, words, obj=system, catch_exceptions=False).output


def test_a_topic_is_expected_and_listed(db, away):
    assert "/hooks/sns/ses" in said(away, "expect", TOPIC)
    assert f"topic {TOPIC}: awaiting_confirmation" in said(away, "status")


def test_a_topic_that_may_not_post_is_not_expected(db, away):
    with pytest.raises(Invalid, match="TPMA_SNS_TOPICS"):
        said(away, "expect", TOPIC + "2")


def test_the_status_names_every_mark(db, away, clock):
    with db.transaction() as session:
        watermark.watch(session, "ses:tpma")
    text = said(away, "status")
    assert "feed ses:tpma: nothing heard yet" in text
    assert "events put aside: 0" in text


def test_the_doctor_names_what_is_wrong(db, away):
    feeding.bury(away, "ses", RawEvent("<html>", NOW, receives=99), ValueError("no JSON"))
    with db.transaction() as session:
        watermark.watch(session, "ses:tpma")
        subscriptions.ended(session, TOPIC)
    with db.reading() as session:
        found = list(health.findings(session, away))
    assert [line for well, line in found if not well] == [
        "nothing listens to events: set TPMA_SQS_QUEUE_URL or TPMA_SNS_TOPICS",
        "feed ses:tpma told through nothing yet",
        f"topic {TOPIC} was unsubscribed",
        "events put aside: 1",
    ]


def test_the_doctor_is_content_with_a_quiet_feed(db, away):
    class Queue:
        name = "ses"

    with db.reading() as session:
        found = list(health.findings(session, replace(away, events=Queue())))
    assert all(well for well, _line in found)

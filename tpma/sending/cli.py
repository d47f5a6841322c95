"""`tpma feed`: the topics that may post events to us, and how well the feed is."""

from datetime import timedelta

import click
from sqlalchemy import select

from tpma.core.errors import Invalid
from tpma.sending import watermark
from tpma.sending.events import health, subscriptions
from tpma.sending.events.models import FeedSubscription
from tpma.system import System


@click.group()
def feed() -> None:
    """Events about mails that left: bounces, complaints, deliveries."""


@feed.command()
@click.argument("topic")
@click.pass_obj
def expect(system: System, topic: str) -> None:
    """Wait for this SNS topic to ask for a confirmation, and say yes once.

    Run it just before the subscription of /hooks/sns/ses is made.
    """
    if topic not in system.settings.topics_of_events:
        raise Invalid(f"{topic} is not in TPMA_SNS_TOPICS: add it there and restart web processes.")
    with system.db.transaction() as session:
        subscriptions.expect(session, topic)
    click.echo(f"Waiting for {topic} to ask at {system.settings.base_url}/hooks/sns/ses")


@feed.command()
@click.pass_obj
def status(system: System) -> None:
    """How old the mark of each feed is, its topics, and what could not be placed."""
    with system.db.reading() as session:
        for name, age in sorted(watermark.ages(session, system.clock()).items()):
            click.echo(f"feed {name}: {_age(age)}")
        for topic in session.scalars(select(FeedSubscription).order_by(FeedSubscription.topic)):
            click.echo(f"topic {topic.topic}: {topic.state.value}")
        for label, number in health.figures(session).items():
            click.echo(f"{label}: {number}")


def _age(age: timedelta | None) -> str:
    return "nothing heard yet" if age is None else f"told through {int(age.total_seconds())} s ago"

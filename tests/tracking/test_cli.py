"""`tpma tracking`: load, rejudge and rebuild from a terminal."""

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from tests.factories import tracking
from tests.factories.tracking import CHROME
from tpma.tracking import counting, loading, segments
from tpma.tracking.cli import tracking as command
from tpma.tracking.hits import Hit
from tpma.tracking.models import EventType, TrackingEvent, Verdict
from tpma.tracking.rules import Visit


@pytest.fixture
def say(system):
    def run(word: str) -> str:
        return CliRunner().invoke(command, [word], obj=system, catch_exceptions=False).output

    return run


def test_hits_in_files_are_loaded_judged_again_and_counted(say, session, system, db, clock):
    mail = tracking.message()
    session.commit()
    clock.forward(hours=1)
    writer = segments.Writer(loading.folder_of(system))
    for agent in (CHROME, "curl/8"):
        visit = Visit(clock(), agent=agent)
        writer.append(Hit(EventType.CLICK, visit, mail.launch_id, mail.id, "email1.cta"))
    writer.close()
    assert say("load") == "2 hits loaded\n"
    with db.transaction() as session:  # as if an edition without rules had judged them
        session.execute(update(TrackingEvent).values(verdict=Verdict.HUMAN, rule=""))
    assert say("rebuild").startswith("3 figures of 1 launches")
    assert say("rejudge") == "1 hits have another verdict now\n"
    with db.reading() as session:
        found = counting.acts(session, [mail.launch_id])[mail.launch_id, EventType.CLICK]
        assert (found.mails, found.hits, found.raw) == (1, 1, 2)
        assert all(fine for fine, _line in counting.findings(session))

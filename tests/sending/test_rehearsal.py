"""A rehearsal: the real engine against a real simulator process, and no trace of it."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import launches as make
from tests.simulator.stage import eventually
from tpma import jobs, models
from tpma.adapters.ses_simulated import SimulatedSes
from tpma.core.db import Base
from tpma.core.errors import Conflict, Unavailable
from tpma.launches.models import Launch, LaunchState
from tpma.sending.findings import Tone
from tpma.sending.guards import LEAST
from tpma.sending.rehearsing import cast, figures, findings, ledger, playing, service
from tpma.sending.rehearsing.models import Rehearsal, RehearsalState
from tpma.simulator.faults import scripted
from tpma.worker import handlers

MAY_CHANGE = {"rehearsals", "jobs", "audit_log"}
SEED = 7


def dump(db):
    """Every row of every table."""
    assert models.rehearsals
    with db.reading() as session:
        return {
            table.name: sorted(repr(tuple(row)) for row in session.execute(select(table)))
            for table in Base.metadata.sorted_tables
        }


def begun(system, launch, seed=SEED):
    with system.db.transaction() as session:
        return service.begin(session, None, session.get_one(Launch, launch.id), seed).id


def kept(system, rehearsal_id):
    with system.db.reading() as session:
        return session.get_one(Rehearsal, rehearsal_id)


def played(system, launch, seed=SEED, theatre=None):
    made = begun(system, launch, seed)
    service.hold(replace(system, theatre=theatre or SimulatedSes()), made)
    return kept(system, made)


@pytest.fixture
def launch(session):
    made = make.launch(contacts=3)
    session.commit()
    return made


@pytest.fixture
def crowd(session):
    """A launch of two mails with enough readers for one of every trouble."""
    made = make.launch(contacts=60, mails=2)
    session.commit()
    return made


def test_it_goes_through_all_trouble_and_leaves_only_its_report(system, db, crowd):
    before = dump(db)
    found = played(system, crowd)
    assert (found.state, found.problem) == (RehearsalState.DONE, "")
    told = found.figures
    assert (told["readers"], told["sampled"], told["steps"]) == (60, 60, 2)
    assert (told["bounced_hard"], told["bounced_soft"], told["complained"]) >= (1, 1, 1)
    assert told["throttled"] >= 1
    assert told["proven"] == 1
    # Who bounced for good or complained gets no second mail; all others do.
    assert told["mails"] == told["accepted"] == told["provider_took"] == 60 + 58
    assert (told["copies"], told["only_ours"], told["only_theirs"]) == (0, 0, 0)
    assert found.handed_over == found.mails == told["mails"]
    after = dump(db)
    assert {name for name in after if after[name] != before[name]} <= MAY_CHANGE
    assert after["messages"] == after["attempts"] == after["delivery_facts"] == []


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_no_address_of_a_person_reaches_the_stage(system, db, crowd, monkeypatch):
    seen = []
    held = SimulatedSes.open

    def opened(self, home, sender_domains, seed):
        return _Reading(held(self, home, sender_domains, seed), home, seen)

    monkeypatch.setattr(SimulatedSes, "open", opened)
    assert played(system, crowd).state is RehearsalState.DONE
    journal, folder = seen
    addresses = [json.loads(line)["recipient"] for line in journal.splitlines()]
    assert addresses
    assert all(address.endswith(f"@{cast.DOMAIN}") for address in addresses)
    assert "reader.example" not in journal
    assert not folder.exists()


class _Reading:
    """A stage whose journal is read before it is struck."""

    def __init__(self, stage, home, seen):
        self.stage, self.home, self.seen = stage, home, seen

    def __enter__(self):
        return self.stage.__enter__()

    def __exit__(self, *error):
        self.seen += [(self.home / "journal.jsonl").read_text(), self.home]
        return self.stage.__exit__(*error)


def test_the_seed_draws_the_same_trouble():
    assert cast.parts(400, 3) == cast.parts(400, 3) != cast.parts(400, 4)


@pytest.mark.parametrize(
    ("readers", "hard", "soft", "complaints"),
    [(0, 0, 0, 0), (1, 0, 0, 0), (49, 1, 0, 0), (50, 1, 1, 1), (2000, 30, 10, 1)],
)
def test_shares_are_those_told_on_the_page(readers, hard, soft, complaints):
    counted = Counter(cast.parts(readers, SEED))
    wanted = (hard, soft, complaints)
    assert tuple(counted[word] for word in (cast.HARD, cast.SOFT, cast.COMPLAINT)) == wanted
    assert counted[cast.THROTTLED] == min(readers, 2)
    assert sum(counted.values()) == readers


@pytest.mark.parametrize(
    "word", [cast.HARD, cast.SOFT, cast.COMPLAINT, cast.THROTTLED, cast.DROPPED]
)
def test_the_simulator_knows_every_part(word):
    assert scripted(cast.address(word, 12))
    assert not scripted(cast.address(cast.NOBODY, 12))


def test_a_larger_audience_is_sampled(system, db, session, monkeypatch):
    monkeypatch.setattr(ledger, "MOST_MAILS", 8)
    made = make.launch(contacts=10, mails=2)
    session.commit()
    told = played(system, made).figures
    assert (told["readers"], told["sampled"]) == (10, 4)


def test_what_has_left_cannot_be_rehearsed(system, db, session):
    made = make.launch(contacts=2)
    made.state = LaunchState.RUNNING
    session.commit()
    with pytest.raises(Conflict, match="has not left"):
        begun(system, made)


def test_one_at_a_time(system, db, launch):
    begun(system, launch)
    with pytest.raises(Conflict, match="already"):
        begun(system, launch)


def test_nobody_to_write_to_is_told_with_the_cure(system, db, session):
    made = make.launch(contacts=0)
    session.commit()
    found = played(system, made)
    assert found.state is RehearsalState.FAILED
    assert "Choose an audience" in found.problem


def test_without_a_stage_it_says_so(system, db, launch):
    made = begun(system, launch)
    service.hold(system, made)
    assert "Ask the operator" in kept(system, made).problem


def test_a_rehearsal_whose_worker_died_is_begun_again_once(system, db, launch):
    made = begun(system, launch)
    with db.transaction() as session:
        row = session.get_one(Rehearsal, made)
        row.state, row.tries = RehearsalState.RUNNING, service.MOST_TRIES
    service.hold(system, made)
    found = kept(system, made)
    assert (found.state, "twice" in found.problem) == (RehearsalState.FAILED, True)
    service.hold(system, made)  # and a job that comes once more changes nothing
    assert kept(system, made).finished_at == found.finished_at


def test_a_rehearsal_that_takes_too_long_is_ended_and_says_so(system, db, launch, monkeypatch):
    monkeypatch.setattr(playing, "LONGEST", 0.0)
    found = played(system, launch)
    assert found.figures["whole"] is False
    assert [one.tone for one in findings.of(found.figures)][0] is Tone.AMBER


def test_the_provider_ends_with_the_rehearsal(tmp_path):
    with SimulatedSes().open(tmp_path / "ses", ["news.example.com"], SEED) as stage:
        assert stage.mail.quota().sending_enabled
        held = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True)
        pids = held.stdout.split()
        assert pids
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids if int(pid) != os.getpid())


STARTS = """
import sys, time
from pathlib import Path
from tpma.adapters.ses_simulated import SimulatedSes
with SimulatedSes().open(Path(sys.argv[1]), ["news.example.com"], 1):
    print("on", flush=True)
    time.sleep(60)
"""


@pytest.mark.crash
def test_the_provider_ends_when_its_worker_is_killed(tmp_path):
    command = [sys.executable, "-c", STARTS, str(tmp_path / "ses")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout.readline() == "on\n"
        found = subprocess.run(
            ["pgrep", "-P", str(worker.pid)], capture_output=True, text=True, check=True
        )
        worker.kill()
    [provider] = found.stdout.split()
    eventually(lambda: not Path(f"/proc/{provider}").exists(), seconds=10)


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_what_a_killed_rehearsal_left_behind_is_deleted(system, db):
    folder = system.settings.home / "rehearsals"
    for name, age in (("old", 3 * playing.LONGEST + 60), ("new", 5)):
        (folder / name).mkdir(parents=True)
        (folder / name / "ledger.db").write_text("names")
        os.utime(folder / name, (time.time() - age, time.time() - age))
    assert playing.clear(system) == 1
    assert [each.name for each in folder.iterdir()] == ["new"]


def test_a_provider_that_cannot_start_is_one_sentence(tmp_path):
    (tmp_path / "ses").mkdir()
    (tmp_path / "ses" / "journal.jsonl").mkdir()
    theatre = SimulatedSes()
    with pytest.raises(Unavailable, match="did not start"), theatre.open(tmp_path / "ses", [], 1):
        pass


def test_the_report_says_when_a_guard_would_pause():
    assert figures._guards_at(LEAST) == {"results": 200, "bounces": 8, "complaints": 1}
    assert figures._guards_at(60) == {"results": 60, "bounces": 0, "complaints": 0}


WHOLE = {
    "readers": 500, "sampled": 500, "steps": 1, "mails": 500, "accepted": 500, "unconfirmed": 0,
    "in_doubt": 0, "waiting": 0, "left_out": {}, "broken": {}, "delivered": 490,
    "bounced_hard": 8, "bounced_soft": 2, "complained": 1, "throttled": 2, "slowed": False,
    "proven": 1, "provider_took": 500, "copies": 0, "only_ours": 0, "only_theirs": 0,
    "largest": 9000, "guards_at": {"results": 200, "bounces": 8, "complaints": 1},
    "seconds": 9.0, "pauses": [], "whole": True, "real_rate": 10.0, "real_seconds": 950,
    "days": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "tone", "said"),
    [
        ({"copies": 1}, Tone.RED, "differ"),
        ({"only_theirs": 2}, Tone.RED, "differ"),
        ({"broken": {"invalid_to_name": 3}}, Tone.RED, "3 mails cannot be sent"),
        ({"left_out": {"territory": 4}}, Tone.AMBER, "4 readers are left out"),
        ({"in_doubt": 1}, Tone.AMBER, "in doubt"),
        ({"pauses": [{"cause": "complaints", "after": 210}]}, Tone.AMBER, "after 210 mails"),
        ({"pauses": [{"cause": "bounces", "after": 210}]}, Tone.AMBER, "dead addresses"),
        ({"slowed": True}, Tone.AMBER, "halved the pace"),
        ({"largest": 200_000}, Tone.AMBER, "195 kB"),
        ({"days": 3}, Tone.AMBER, "3 days"),
        ({}, Tone.GREEN, "Every mail once"),
        ({"real_seconds": None, "days": None}, Tone.NOT_NEEDED, "No pace"),
        ({}, Tone.NOT_NEEDED, "about 16 minutes"),
    ],
)
def test_each_figure_that_matters_has_its_finding(changed, tone, said):
    found = [(one.tone, one.title) for one in findings.of(WHOLE | changed)]
    assert any(each is tone and said in title for each, title in found), found


def test_the_worst_is_told_first():
    tones = [one.tone for one in findings.of(WHOLE | {"copies": 1, "slowed": True})]
    assert tones[:2] == [Tone.RED, Tone.AMBER]


# ---- the page


@pytest.fixture
def marketer(client, db, launch):
    return signed_in(client, db, launch, "PM")


def signed_in(client, db, launch, role):
    with db.transaction() as session:
        factories.bind(session)
        enrolment = session.get_one(Launch, launch.id).enrolment
        return factories.signed_in(client, factories.membership(enrolment.partner, role), enrolment)


def url(launch, tail=""):
    return f"/portal/launches/{launch.id}/rehearsal{tail}"


def test_the_page_begins_empty_and_is_offered_by_the_check(marketer, launch):
    page = marketer.get(url(launch)).text
    assert "Not rehearsed yet" in page
    assert "At most 2,000 mails" in page
    assert url(launch) in marketer.get(f"/portal/launches/{launch.id}/check").text


def test_asked_for_on_the_page_a_worker_holds_it_and_the_page_shows_it(
    marketer, system, db, launch
):
    handlers.load()
    assert marketer.post(url(launch)).headers["Location"] == url(launch)
    assert marketer.post(url(launch)).status_code == 303  # twice pressed is asked once
    page = marketer.get(url(launch)).text
    assert "Waiting for a worker" in page
    assert 'hx-trigger="every 1s"' in page
    assert jobs.run_due(replace(system, theatre=SimulatedSes())) == 1
    report = marketer.get(url(launch, "/progress")).text
    assert "Every mail once" in report
    assert "hx-trigger" not in report
    assert "Rehearse again" in marketer.get(url(launch)).text
    with db.reading() as session:
        assert len(session.scalars(select(Rehearsal)).all()) == 1
        assert session.get_one(Launch, launch.id).state is LaunchState.DRAFT


def test_a_running_and_a_failed_one_are_shown(marketer, db, system, launch):
    made = begun(system, launch)
    service._write(system, made, state=RehearsalState.RUNNING, handed_over=40, mails=118)
    assert "40 of 118 mails" in marketer.get(url(launch)).text
    service._write(system, made, state=RehearsalState.FAILED, problem="Because of <this>.")
    assert "Because of &lt;this&gt;." in marketer.get(url(launch)).text


def test_an_older_one_can_be_opened(marketer, system, db, clock, launch):
    older = begun(system, launch)
    values = {"state": RehearsalState.DONE, "finished_at": clock()}
    service._write(system, older, figures=WHOLE, **values)
    clock.forward(minutes=5)
    newer = begun(system, launch)
    service._write(system, newer, figures=WHOLE | {"accepted": 499}, **values)
    page = marketer.get(url(launch)).text
    assert "499" in page
    assert str(older) in page
    assert "499" not in marketer.get(url(launch) + f"?which={older}").text


def test_another_partners_launch_is_not_there(client, db, launch):
    with db.transaction() as session:
        factories.bind(session)
        other = make.launch(contacts=0)
    stranger = signed_in(client, db, other, "PM")
    for answer in (
        stranger.get(url(launch)),
        stranger.get(url(launch, "/progress")),
        stranger.post(url(launch)),
    ):
        assert answer.status_code == 404


def test_who_may_only_look_cannot_ask(client, db, launch):
    viewer = signed_in(client, db, launch, "PV")
    assert "Rehearse</button>" not in viewer.get(url(launch)).text
    assert viewer.post(url(launch)).status_code == 404

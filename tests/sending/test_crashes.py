"""kill -9 at every crash point, on the way to Amazon SES, judged by the simulator's journal.

The bounds are those of docs/delivery.md: nobody gets two mails, every acceptance is known once
the feed has told of it, and without proof are at most the mails a killed worker had in flight.
"""

import random
import time
from functools import partial

import pytest

from tests.sending.rehearsal import AFTER_A_CALL, AFTER_ALL_DOUBT, BATCH, VISIBILITY, gone
from tests.simulator.stage import eventually
from tpma.sending import recovery
from tpma.sending.models import SendState

pytestmark = pytest.mark.crash

# Traps on the way of a batch → how many mails a death in one may leave without proof.
COSTS_NOTHING = (
    "CP1 turn, before commit", "CP2 turn taken", "CP3 intent, before commit",
    "CP6 answers, before commit", "CP7 answers written",
)  # fmt: skip
COSTS_A_BATCH = ("CP4b half a request", "CP5 accepted, answer lost")
NOTHING_LEFT = ("CP4 intent committed",)
SENDING_TRAPS = (*COSTS_NOTHING, *COSTS_A_BATCH, *NOTHING_LEFT)


@pytest.mark.parametrize(
    ("traps", "people", "cost"),
    [(COSTS_NOTHING, 50, 0), (COSTS_A_BATCH, 35, BATCH), (NOTHING_LEFT, 20, BATCH)],
    ids=["nothing", "in flight", "a batch"],
)
def test_a_death_while_sending_costs_at_most_what_was_in_flight(stage, traps, people, cost):
    launch_id = stage.running(people)
    for trap in traps:
        stage.killed(trap, 1)
        stage.killed(trap, 2)
    stage.finish()
    stage.hear()
    stage.give_up()
    stage.judge(unconfirmed=stage.kills * cost)
    if traps is NOTHING_LEFT:  # and that is said of exactly these
        assert stage.count(SendState.UNCONFIRMED) == stage.kills * BATCH
    assert stage.is_over(launch_id)


def test_a_death_within_a_bulk_call_leaves_no_more_than_that_call_without_proof(stage):
    stage.equip(TPMA_SES_BULK="1")
    launch_id = stage.running(35)
    for trap in ("CP4b half a bulk call", "CP5 bulk call accepted, answer lost"):
        stage.killed(trap, 1)
        stage.killed(trap, 2)
    stage.finish()
    stage.hear()
    stage.give_up()
    stage.judge(unconfirmed=stage.kills * BATCH)
    assert stage.is_over(launch_id)


def test_deaths_among_faults_of_the_provider(stage):
    words = ["dropafter", "hang", "e500after", "short200", "dropbefore", "e500before"]
    launch_id = stage.running(6, *words, "t429x1", "reject", "bounce-noemail", "complain")
    for trap in ("CP5 accepted, answer lost", "CP6 answers, before commit", "CP7 answers written"):
        stage.killed(trap)
    stage.finish()
    stage.hear()
    stage.give_up()
    stage.judge(unconfirmed=2 + BATCH - 1)  # the two that were never taken
    assert len(stage.in_state(SendState.FAILED)) <= 1  # the refused, if its worker could say so
    assert stage.is_over(launch_id)


def test_a_death_while_planning_or_queueing_leaves_all_or_nothing(stage):
    launch_id = stage.draft(12)
    stage.killed("CP0 planning", job="launch", launch=str(launch_id))
    assert stage.messages() == {}
    assert gone(stage.worker("launch", launch=str(launch_id)))
    assert stage.count(SendState.PLANNED) == 12
    stage.ahead += 60  # its hour has come
    stage.killed("CP0 queueing", job="queue", launch=str(launch_id))
    assert stage.count(SendState.PLANNED) == 12
    for _twice in range(2):
        assert gone(stage.worker("queue", launch=str(launch_id)))
    assert stage.count(SendState.QUEUED) == 12
    stage.finish()
    stage.hear()
    stage.judge(unconfirmed=0)


def test_events_are_applied_once_whenever_their_reader_dies(stage):
    """The answers of the first ten are lost, so only the feed can prove them."""
    stage.running(12, "bounce-noemail", "complain")
    stage.killed("CP6 answers, before commit", 1)
    stage.killed("CP6 answers, before commit", 2)
    stage.finish()
    eventually(lambda: stage.simulator.counters()["pending"] == 0)
    for hit in (1, 4):
        stage.killed("CP8 event, before commit", hit, job="hear")
        stage.killed("CP9 event, not acknowledged", hit, job="hear")
        stage.simulator.forward(VISIBILITY + 1)
    stage.hear()
    assert stage.counted_events() == {"send": 14, "delivery": 13, "bounce": 1, "complaint": 1}
    stage.give_up()
    stage.judge(unconfirmed=0)


def test_recovery_itself_may_die(stage):
    launch_id = stage.running(15)
    stage.killed("CP4 intent committed")
    stage.killed("CP6 answers, before commit")
    stage.ahead += AFTER_A_CALL
    stage.killed("CP10 doubting", job="settle")
    assert stage.count(SendState.IN_DOUBT) == 0
    recovery.tick(stage.system)
    assert stage.count(SendState.IN_DOUBT) == 2 * BATCH
    stage.finish()
    stage.hear()
    stage.ahead += AFTER_ALL_DOUBT
    stage.killed("CP10 giving up", job="settle")
    assert stage.count(SendState.IN_DOUBT) == BATCH
    stage.killed("CP10 finishing", job="settle")
    assert not stage.is_over(launch_id)
    recovery.tick(stage.system)
    stage.judge(unconfirmed=BATCH)
    assert stage.is_over(launch_id)


@pytest.mark.parametrize("seed", [20260302])
def test_a_soak_of_deaths_at_random(stage, seed):
    """Two workers at a time, killed in traps and at any moment, while the provider fails too."""
    chance = random.Random(seed)
    rates = dict.fromkeys(("dropafter", "dropbefore", "e503after", "e500before"), 0.04)
    stage.simulator.plan(seed=seed, faults={"rates": rates, "hang_seconds": 0.2})
    running = [stage.running(30), stage.running(30)]
    for _turn in range(5):
        before = len(stage.simulator.accepted())
        trapped = stage.worker(trap=chance.choice(SENDING_TRAPS), hit=chance.randint(1, 2))
        other = stage.worker()
        eventually(partial(stage.has_sent_more_than, before), seconds=20)
        time.sleep(chance.uniform(0, 0.05))
        stage.kill(other)
        stage.kill(trapped)
        if stage.count(SendState.QUEUED) < 4 * BATCH:
            break
    stage.finish()
    stage.hear()
    stage.give_up()
    lost = sum(stage.simulator.counters()["faults"].get(w, 0) for w in ("dropbefore", "e500before"))
    stage.judge(unconfirmed=stage.kills * BATCH + lost)
    assert all(map(stage.is_over, running))

"""Rate and quota, as arithmetic and over the wire."""

import pytest
from botocore.exceptions import ClientError

from tpma.simulator.agenda import Agenda
from tpma.simulator.clock import Clock
from tpma.simulator.limits import DAY, Day, Gcra


def passed(rate, burst, moments, n=1):
    gcra = Gcra()
    return sum(gcra.admits(n, rate, burst, at) for at in moments)


def test_a_burst_passes_and_then_the_rate_holds():
    assert passed(10, 5, [0.0] * 20) == 5
    assert passed(10, 1, [n / 100 for n in range(1000)]) == 100
    assert passed(40, 40, [n / 1000 for n in range(10_000)]) == 40 * 10 + 39


def test_an_idle_hour_saves_up_one_burst_and_no_more():
    gcra = Gcra()
    assert gcra.admits(1, 10, 5, 0)
    assert sum(gcra.admits(1, 10, 5, 3600) for _ in range(20)) == 5


def test_a_mail_to_five_overdraws_and_is_paid_for():
    gcra = Gcra()
    assert gcra.admits(5, 1, 1, 0)
    assert [gcra.admits(1, 1, 1, at) for at in (1, 4.9, 5)] == [False, False, True]


def test_the_day_slides():
    day = Day()
    day.count(3, 100.0)
    day.count(2, 100.4)
    day.count(1, 5000.0)
    assert day.sent(100 + DAY - 1) == 6
    assert day.sent(100 + DAY) == 1
    assert day.sent(5000 + DAY) == 0


def test_a_journal_is_recalled_for_the_last_day_only():
    day = Day()
    day.recall([10.0, 20.0, DAY + 15], DAY + 15)
    assert day.sent(DAY + 15) == 2


def test_what_is_planned_happens_in_order_when_its_time_has_come():
    now = [0.0]
    clock, done = Clock(lambda: now[0]), []
    agenda = Agenda(clock)
    for name, due in (("late", 20), ("early", 5), ("same", 5)):
        agenda.at(due, lambda name=name: done.append(name))
    agenda.act()
    assert done == []
    now[0] = 5
    agenda.act()
    assert done == ["early", "same"]
    clock.forward(15)
    agenda.act()
    assert done == ["early", "same", "late"]


def throttled(send):
    with pytest.raises(ClientError) as caught:
        send()
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert answer["Error"]["Code"] == "TooManyRequestsException"
    return answer["Error"]["Message"]


def test_a_call_too_fast_is_told_so(simulator, send, accepted):
    simulator.plan(account={"max_send_rate": 0.1, "burst": 2})
    send()
    send()
    assert throttled(send) == "Maximum sending rate exceeded."
    assert len(accepted()) == 2
    simulator.forward(10)
    send()


def test_a_new_rate_counts_from_now(simulator, send):
    simulator.plan(account={"max_send_rate": 0.1, "burst": 1})
    send()
    throttled(send)
    simulator.plan(account={"max_send_rate": 0.2})
    send()


def test_the_day_is_over_when_the_quota_is(simulator, ses, send):
    sent = ses.get_account()["SendQuota"]["SentLast24Hours"]
    simulator.plan(account={"max_24_hour_send": sent + 2})
    send()
    send(Destination={"ToAddresses": ["a@r.example", "b@r.example"]})  # one left: all are taken
    assert throttled(send) == "Daily message quota exceeded."
    assert ses.get_account()["SendQuota"]["SentLast24Hours"] == sent + 3
    simulator.forward(DAY + 1)
    assert ses.get_account()["SendQuota"]["SentLast24Hours"] == 0
    send()


def test_the_sandbox_has_its_own_limits(simulator, ses):
    simulator.plan(account={"production": False})
    account = ses.get_account()
    assert account["ProductionAccessEnabled"] is False
    quota = account["SendQuota"]
    assert (quota["Max24HourSend"], quota["MaxSendRate"]) == (200, 1)


def test_other_calls_have_a_rate_of_their_own(simulator, ses, send):
    simulator.plan(account={"management_rate": 0.001})
    ses.get_account()
    assert throttled(ses.get_account) == "Rate exceeded"
    send()

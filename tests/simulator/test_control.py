"""The rehearsal's own door."""

import pytest

from tests.simulator.stage import PLAN


def test_nobody_without_the_token_comes_in(simulator):
    status, message = simulator.refused("GET", "counters", token="guess")
    assert (status, message) == (403, "Send Authorization: Bearer <the token>")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"acount": {}}, "acount is no part of a plan"),
        ({"account": {"rate": 1}}, "account.rate is unknown; use one of: max_send_rate"),
        ({"account": {"max_send_rate": "fast"}}, "account.max_send_rate must be of type float"),
        ({"account": {"max_send_rate": 0}}, "account.max_send_rate must be at least 0.01"),
        ({"account": {"production": 1}}, "account.production must be of type bool"),
        ({"account": {"enforcement": "BAD"}}, "must be one of: HEALTHY, PROBATION, SHUTDOWN"),
        ({"events": {"drop": 1.1}}, "events.drop must be at most 1"),
        ({"events": []}, "events must be an object"),
        ({"faults": {"rates": {"dropafter": 2}}}, "must be a share from 0 to 1"),
        ({"faults": {"rates": {"drop": 0.1}}}, "faults.rates.drop is no fault"),
        ({"identities": {"x.example": "soon"}}, "dkim must be one of: published"),
        ({"topics": []}, "topics must be an object"),
        ({"tenants": {"a": {"resources": ["identity/none.example"]}}}, "does not exist"),
        ({"sns": {"signature_version": "3"}}, "sns.signature_version must be one of: 1, 2"),
    ],
)
def test_a_wrong_plan_is_told_with_its_cure(simulator, changes, told):
    status, message = simulator.refused("PATCH", "plan", changes)
    assert status in (400, 404)
    assert told in message
    assert simulator.control("GET", "plan")["faults"]["rates"] == {}


def test_the_plan_can_be_read_back(simulator):
    simulator.plan(seed=9, events={"duplicates": 0.25})
    told = simulator.control("GET", "plan")
    assert (told["seed"], told["events"]["duplicates"]) == (9, 0.25)
    assert told["account"] == PLAN["account"]


def test_the_same_plan_twice_changes_nothing(simulator):
    tenant = {"resources": ["identity/news.example.com", "configuration-set/tpma"]}
    plan = {**PLAN, "tenants": {"planned": tenant}}
    simulator.plan(**plan)
    before = simulator.ses.get_tenant(TenantName="planned")["Tenant"]
    simulator.plan(**plan)
    after = simulator.ses.get_tenant(TenantName="planned")["Tenant"]
    assert before == after
    told = simulator.ses.list_tenant_resources(TenantName="planned")["TenantResources"]
    assert len(told) == 2


def test_the_journal_is_read_by_pages(simulator, send):
    ids = [send()["MessageId"] for _ in range(5)]
    offset, found = 0, []
    while True:
        page = simulator.control("GET", f"journal?offset={offset}&limit=2")
        assert len(page["lines"]) <= 2
        if page["offset"] == offset:
            break
        offset = page["offset"]
        found += page["lines"]
    assert [line["message_id"] for line in found][-5:] == ids
    assert [line["n"] for line in found] == list(range(len(found)))


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("GET", "nothing", None, "there are: GET plan"),
        ("GET", "raw/none", None, "--keep-raw"),
        ("GET", "journal?offset=x", None, "whole numbers"),
        ("POST", "clock", {"forward": -1}, "forward must be a number"),
        ("PUT", "dns/none.example", {"dkim": "published"}, "does not exist"),
        ("PUT", "tenants/none", {"status": "DISABLED"}, "does not exist"),
        ("PUT", "tenants/none", {"status": "OFF"}, "must be one of"),
    ],
)
def test_mistakes_are_told(simulator, method, path, body, told):
    assert told in simulator.refused(method, path, body)[1]


def test_time_moves_ahead_when_told(simulator):
    before = simulator.counters()["now"]
    simulator.forward(3600)
    assert simulator.counters()["now"] >= before + 3600

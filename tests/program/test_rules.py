from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tpma.identity.rules import ROLES
from tpma.program import facts as facts_of
from tpma.program import rules
from tpma.program.facts import Facts

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ID = UUID(int=1)
EVERYTHING = frozenset().union(*ROLES.values())


def lead(hours):
    return facts_of.WaitingLead(
        ID, "Priya Raman", "Harbor Point", NOW, NOW + timedelta(hours=hours)
    )


ASKED = facts_of.AskedDeal(ID, "DR-2026-000001", "Harbor Point", "Helio")
RIPE = facts_of.OpenLead(ID, "Priya Raman", "Harbor Point", NOW)
DRAFT = facts_of.Draft(ID, "Secure Edge", 3)
KIT = facts_of.FittingKit("finops", "FinOps Review", "In your product family: cloud")
UNPRICED = facts_of.Unpriced("HC-SEC-ZQCGZXW", "Secure Edge", 25)


def facts(**changes):
    settled = {"now": NOW, "contacts": 640, "launches": 1}
    return Facts(**settled | changes)


def kinds(found, most=9, permissions=EVERYTHING):
    return [act.kind for act in rules.next_acts(found, permissions, most)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"asked": [ASKED]}, ["answer_deal"]),
        ({"waiting": [lead(40)]}, ["answer_lead"]),
        ({"ripe": [RIPE]}, ["register"]),
        ({"brand_ready": False}, ["brand"]),
        ({"contacts": 0}, ["contacts"]),
        ({"drafts": [DRAFT]}, ["finish"]),
        ({"kits": [KIT]}, ["run"]),
        ({"unpriced": [UNPRICED]}, ["price"]),
    ],
)
def test_each_fact_gives_its_act(changes, expected):
    assert kinds(facts(**changes)) == expected


def test_what_somebody_waits_for_comes_first():
    everything = facts(
        asked=[ASKED],
        waiting=[lead(10)],
        ripe=[RIPE],
        brand_ready=False,
        contacts=0,
        drafts=[DRAFT],
        kits=[KIT],
        unpriced=[UNPRICED],
    )
    assert kinds(everything) == [
        "answer_deal",
        "answer_lead",
        "register",
        "brand",
        "contacts",
        "finish",
        "run",
        "price",
    ]


@pytest.mark.parametrize(
    ("hours", "tone", "first"),
    [(-1, "ba", "answer_lead"), (23, "wa", "answer_lead"), (25, "go", "register")],
)
def test_a_lead_is_urgent_from_a_day_before_it_is_due(hours, tone, first):
    found = rules.next_acts(facts(waiting=[lead(hours)], ripe=[RIPE]), EVERYTHING)
    assert found[0].kind == first
    assert next(act.sign[0] for act in found if act.kind == "answer_lead") == tone


def test_many_leads_do_not_hide_the_rest():
    found = facts(waiting=[lead(1), lead(2), lead(3), lead(4)], kits=[KIT])
    assert kinds(found, most=3) == ["answer_lead", "run", "answer_lead"]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("PS", ["answer_lead", "register"]),
        ("PM", ["run", "price"]),
        ("PF", ["price"]),
        ("PV", []),
    ],
)
def test_nobody_is_asked_for_what_they_may_not_do(role, expected):
    found = facts(waiting=[lead(5)], ripe=[RIPE], kits=[KIT], unpriced=[UNPRICED])
    assert kinds(found, permissions=ROLES[role]) == expected


def test_reasons_hold_their_figure():
    found = rules.next_acts(
        facts(ripe=[RIPE], drafts=[DRAFT], unpriced=[UNPRICED], kits=[KIT]), EVERYTHING, 9
    )
    said = {act.kind: f"{act.title} {act.reason}" for act in found}
    assert "90 days" in said["register"]
    assert "2 screens" in said["finish"]
    assert "640 contacts" in said["run"]
    assert "25 leads" in said["price"]


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({}, "Nothing waits for you, Dana"),
        ({"asked": [ASKED]}, "One thing worth doing, Dana"),
        ({"asked": [ASKED], "ripe": [RIPE]}, "Two things worth doing, Dana"),
        ({"asked": [ASKED], "ripe": [RIPE], "kits": [KIT]}, "Three things worth doing, Dana"),
        ({"launches": 0, "contacts": 0}, "2 steps to your first campaign, Dana"),
        ({"launches": 0}, "One step to your first campaign, Dana"),
        ({"launches": 0, "drafts": [DRAFT]}, "One thing worth doing, Dana"),
    ],
)
def test_the_headline_counts(changes, title):
    found = facts(**changes)
    assert rules.title(found, rules.next_acts(found, EVERYTHING), "Dana") == title


def test_first_steps_are_in_order_and_know_what_is_done():
    steps = rules.first_steps(facts(launches=0, contacts=0))
    assert [(step.endpoint, step.done) for step in steps] == [
        ("branding_portal.profile", True),
        ("audiences_portal.index", False),
        ("kits_portal.index", False),
    ]

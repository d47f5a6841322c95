"""The permission table against the matrix of roles, cell by cell."""

from uuid import UUID

import pytest

from tpma.identity.models import OrganisationKind
from tpma.identity.rules import (
    ADMIN,
    PERMISSIONS,
    ROLE_TABLE,
    ROLES,
    Actor,
    allowed,
    may,
    roles_of,
)

# permission → the roles that have it, and no other
HOLDERS = {
    "kits.read": "VA PB BR CM EX PA PM PS PV",
    "kits.publish": "VA PB",
    "reviews.read": "VA PB BR CM",
    "reviews.decide": "BR",
    "brand.read": "VA PB BR CM PA PM PV",
    "brand.write": "VA BR PA PM",
    "contacts.read": "PA PM PS",
    "contacts.write": "PA PM",
    "launch.read": "VA PB BR CM PA PM PS PV",
    "launch.write": "PA PM",
    "launch.stop": "BR PA PM",
    "leads.read": "PA PM PS",
    "leads.write": "PA PS",
    "deals.read": "VA CM DD PA PM PS",
    "deals.write": "PS",
    "deals.decide": "DD",
    "report.read": "VA PB CM DD EX PA PM PS PF PV",
    "outbox.read": "PA PM PS OP",
    "outbox.act": "PA PM OP",
    "partners.read": "VA PB CM DD EX",
    "partners.write": "VA CM",
    "programme.write": "VA",
    "blocklist.read": "VA",
    "blocklist.write": "VA",
    "team.read": "VA PA",
    "team.write": "VA PA",
    "cost.write": "VA PA PM PF",
    "audit.read": "VA PA OP",
    "organisations.write": "OP",
    "delivery.act": "OP",
    "delivery.read": "OP",
    "jobs.act": "OP",
}


def actor(kind: OrganisationKind, *roles: str) -> Actor:
    nobody = UUID(int=0)
    return Actor(nobody, nobody, kind, roles, nobody)


@pytest.mark.parametrize("permission", sorted(HOLDERS))
def test_a_permission_is_held_by_exactly_these_roles(permission):
    assert {code for code in ROLES if permission in ROLES[code]} == set(HOLDERS[permission].split())


def test_every_permission_has_its_row_here():
    assert set(HOLDERS) == PERMISSIONS


@pytest.mark.parametrize("role", sorted(roles_of(OrganisationKind.VENDOR)))
def test_no_vendor_role_opens_the_personal_data_of_a_partners_customers(role):
    assert not {p for p in ROLES[role] if p.startswith(("contacts.", "leads.", "outbox."))}


def test_the_operator_opens_no_tenants_work():
    work = ("contacts", "leads", "deals", "brand", "launch", "kits", "report", "reviews")
    assert not {p for p in ROLES["OP"] if p.split(".")[0] in work}


def test_roles_add_up():
    assert allowed(["PF", "PV"]) == ROLES["PF"] | ROLES["PV"]


def test_a_role_that_no_longer_exists_opens_nothing():
    assert allowed(["MA"]) == frozenset()


def test_a_vendors_role_on_a_partners_membership_opens_nothing():
    assert not may(actor(OrganisationKind.PARTNER, "VA"), "kits.publish")


def test_an_unknown_permission_is_held_by_nobody():
    assert not may(actor(OrganisationKind.VENDOR, *ROLE_TABLE), "kits.fly")


@pytest.mark.parametrize("kind", list(OrganisationKind))
def test_every_kind_of_organisation_has_an_admin_of_its_own(kind):
    assert ADMIN[kind] in roles_of(kind)

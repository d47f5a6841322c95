"""Organisations, people, memberships; and a test client that is signed in as one of them."""

from itertools import count
from typing import Any

from flask.testing import FlaskClient

from tests.factories.base import save
from tpma.identity import passwords
from tpma.identity.models import (
    Membership,
    Organisation,
    OrganisationKind,
    User,
    UserStatus,
)
from tpma.identity.rules import first_sight

PASSWORD = "correct horse battery"
_number = count(1)
_hashes: dict[str, str] = {}


def organisation(kind: OrganisationKind = OrganisationKind.PARTNER, **given: Any) -> Organisation:
    number = next(_number)
    name = given.pop("trading_name", f"Company {number}")
    return save(
        Organisation(
            **{
                "kind": kind,
                "legal_name": f"{name} Ltd",
                "trading_name": name,
                "slug": f"company-{number}",
                "country": "US",
                "default_locale": "en",
                "timezone": "UTC",
                "base_currency": "USD",
                "legal": {},
            }
            | given
        )
    )


def user(**given: Any) -> User:
    """An active person whose password is PASSWORD."""
    number = next(_number)
    email = given.pop("email", f"person{number}@company.example")
    password = given.pop("password", PASSWORD)
    return save(
        User(
            **{
                "email": email,
                "email_norm": email.casefold(),
                "name": f"Person {number}",
                "locale": "en",
                "timezone": "UTC",
                "status": UserStatus.ACTIVE,
                "password_hash": _hash(password),
                "session_epoch": 1,
            }
            | given
        )
    )


def _hash(password: str) -> str:
    """Hashed once for all tests: argon2 is slow on purpose."""
    if password not in _hashes:
        _hashes[password] = passwords.hashed(password)
    return _hashes[password]


def membership(organisation_: Organisation | None = None, *roles: str, **given: Any) -> Membership:
    """A person in an organisation; without roles, its admin."""
    company = organisation_ or organisation()
    admin = {"vendor": "VA", "partner": "PA", "operator": "OP"}[company.kind.value]
    return save(
        Membership(
            user=given.pop("user", None) or user(),
            organisation=company,
            **{"roles": list(roles) or [admin], "sight": first_sight(roles)} | given,
        )
    )


def operator(**given: Any) -> Membership:
    return membership(organisation(OrganisationKind.OPERATOR, **given), "OP")


def signed_in(client: FlaskClient, member: Membership, enrolment: Any = None) -> FlaskClient:
    """The client with the session `member` would have, without the slow password."""
    with client.session_transaction() as cookie:
        cookie["_user_id"] = f"{member.user.id}.{member.user.session_epoch}"
        cookie["_fresh"] = True
        cookie["membership"] = str(member.id)
        cookie["enrolment"] = str(enrolment.id) if enrolment else ""
    return client


def actor(member: Membership, enrolment: Any = None) -> Any:
    """The Actor a service is called with for this member."""
    from tpma.identity.rules import Actor

    return Actor(
        user_id=member.user.id,
        organisation_id=member.organisation.id,
        kind=member.organisation.kind,
        roles=tuple(member.roles),
        membership_id=member.id,
        enrolment_id=enrolment.id if enrolment else None,
        vendor_id=enrolment.tenant_id if enrolment else None,
        name=member.user.name,
        organisation_name=member.organisation.trading_name,
        sight=member.sight,
    )

"""Vendors with a programme, partners, enrolments."""

from datetime import date
from itertools import count
from typing import Any

from tests.factories.base import bound, save
from tests.factories.identity import organisation
from tpma.identity.models import Organisation, OrganisationKind
from tpma.partners.models import (
    Enrolment,
    EnrolmentState,
    Partner,
    PartnerType,
    Persona,
    Programme,
    Tier,
    Vendor,
)
from tpma.partners.rules import TIERS

_number = count(0)


def vendor(**given: Any) -> Vendor:
    """A vendor; `organisation_id` and `organisation` name the company."""
    own = {key: given.pop(key) for key in ("code_prefix", "brand_colour") if key in given}
    company = organisation(OrganisationKind.VENDOR, **given)
    return save(Vendor(**{"organisation": company, "code_prefix": _prefix()} | own))


def _prefix() -> str:
    number = next(_number)
    return "".join(chr(65 + number // 26**place % 26) for place in (2, 1, 0))


def partner(**given: Any) -> Partner:
    own = {
        "partner_type": given.pop("partner_type", PartnerType.VAR),
        "persona": given.pop("persona", Persona.TRANSACTIONAL),
    }
    return save(Partner(organisation=organisation(OrganisationKind.PARTNER, **given), **own))


def programme(company: Organisation | None = None, **given: Any) -> Programme:
    """A programme with its four tiers."""
    company = company or vendor().organisation
    number = next(_number)
    made = save(
        Programme(
            **{"tenant_id": company.id, "name": company.trading_name, "slug": f"programme-{number}"}
            | given
        )
    )
    for tier in TIERS:
        save(
            Tier(
                tenant_id=company.id,
                programme_id=made.id,
                key=tier.key,
                rank=tier.rank,
                protection_days=tier.protection_days,
            )
        )
    return made


def enrolment(
    programme_: Programme | None = None,
    company: Organisation | None = None,
    tier: str = "gold",
    **given: Any,
) -> Enrolment:
    """An active enrolment of a partner in a programme; `tenant_id` is the vendor."""
    within = programme_ or programme()
    tiers = bound().query(Tier).filter_by(programme_id=within.id, key=tier)
    return save(
        Enrolment(
            **{
                "tenant_id": within.tenant_id,
                "partner": company or partner().organisation,
                "programme": within,
                "tier": tiers.one(),
                "state": EnrolmentState.ACTIVE,
                "territories": [],
                "product_families": [],
                "agreement_signed_on": date(2026, 1, 15),
            }
            | given
        )
    )

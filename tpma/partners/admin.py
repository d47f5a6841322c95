"""The operator brings companies in: a vendor with its programme, or a partner."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.identity import members, places
from tpma.identity.models import Organisation
from tpma.partners import companies, invitations, rules, service
from tpma.partners.models import PartnerType
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults, choice, text
from tpma.web.guards import operator

admin = Blueprint(
    "partners_admin", __name__, url_prefix="/admin/organisations/new", template_folder="templates"
)

_KINDS = ("vendor", "partner")


@admin.get("/")
@operator("organisations.write")
def new() -> ResponseReturnValue:
    kind = request.args.get("kind", "vendor")
    return _form(kind if kind in _KINDS else "vendor", {"default_locale": "en-US"}, Faults())


@admin.post("/")
@operator("organisations.write")
def create() -> ResponseReturnValue:
    faults = Faults()
    kind = choice("kind", _KINDS)
    try:
        with system().db.transaction() as session:
            company = _vendor(session) if kind == "vendor" else _partner(session)
            _invite_admin(session, company, kind)
            company_id, name = company.id, company.trading_name
    except (Invalid, Conflict) as error:
        faults[error.field or ""] = error.message
        return _form(kind, request.form, faults), 422
    flash(_("%(company)s is here, and its first admin has a mail.", company=name))
    return redirect(url_for("operators.organisation", organisation_id=company_id), 303)


def _vendor(session: Session) -> Organisation:
    vendor = service.create_vendor(
        session, actor(), code_prefix=text("code_prefix", 4, required=True), **_company()
    )
    programme = text("programme", 120) or vendor.organisation.trading_name
    service.create_programme(session, actor(), vendor.organisation, name=programme)
    return vendor.organisation


def _partner(session: Session) -> Organisation:
    kind = PartnerType(choice("partner_type", [kind.value for kind in PartnerType]))
    return service.create_partner(session, actor(), partner_type=kind, **_company()).organisation


def _company() -> dict[str, Any]:
    entered = request.form
    return companies.columns(
        companies.Company(
            legal_name=entered.get("legal_name", ""),
            trading_name=entered.get("trading_name", ""),
            country=entered.get("country", ""),
            default_locale=entered.get("default_locale", ""),
            website=entered.get("website", ""),
        )
    )


def _invite_admin(session: Session, company: Organisation, kind: str) -> None:
    members.invite(
        session,
        actor(),
        company,
        email=text("email", 254, required=True),
        name=text("name", 120, required=True),
        roles=("VA", "PB", "BR") if kind == "vendor" else invitations.FIRST_ROLES,
        base_url=system().settings.base_url,
    )


def _form(kind: str, values: object, faults: Faults) -> str:
    return render(
        "partners/new_organisation.html",
        kind=kind,
        values=values,
        faults=faults,
        countries=places.countries(),
        languages_offered=places.languages(),
        types=[(one.value, rules.type_words(one)) for one in PartnerType],
    )

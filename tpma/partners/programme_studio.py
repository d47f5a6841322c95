"""The programme's own page: days nobody answers on, and what is approved without the desk."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import number
from tpma.core.money import Money
from tpma.partners import programme as programmes
from tpma.partners import queries
from tpma.partners.models import Programme, Tier
from tpma.web import forms
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults
from tpma.web.guards import vendor

studio = Blueprint(
    "programme_studio", __name__, url_prefix="/studio/programme", template_folder="templates"
)


@studio.get("/")
@vendor("programme.write")
def show() -> ResponseReturnValue:
    with system().db.reading() as session:
        return _page(session, {}, Faults())


@studio.post("/")
@vendor("programme.write")
def save() -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            found = queries.first_programme(session, actor().organisation_id)
            limits = _limits(session, found)
            holidays = forms.paragraph("holidays", 10_000)
            programmes.change(session, actor(), found, holidays=holidays, limits=limits)
    except Invalid as error:
        faults.add(error)
        with system().db.reading() as session:
            return _page(session, request.form, faults), 422
    flash(_("The programme is saved. Deadlines that run already stay as they are."))
    return redirect(url_for(".show"), 303)


def _limits(session: Session, programme: Programme) -> dict[str, dict[str, int]]:
    """What was typed, by tier and currency. Raises Invalid with the field."""
    currencies = queries.currencies(session, programme)
    return {
        tier.key: {code: forms.amount(_name(tier, code), code).minor for code in currencies}
        for tier in _tiers(session, programme)
    }


def _name(tier: Tier, currency: str) -> str:
    return f"limit-{tier.key}-{currency}"


def _tiers(session: Session, programme: Programme) -> list[Tier]:
    return queries.tiers(session, programme.tenant_id, programme.id)


def _page(session: Session, typed: Mapping[str, str], faults: Faults) -> str:
    programme = queries.first_programme(session, actor().organisation_id)
    return render(
        "partners/programme.html",
        programme=programme,
        tiers=_tiers(session, programme),
        currencies=queries.currencies(session, programme),
        limit_name=_name,
        limit=lambda tier, code: typed.get(_name(tier, code), _shown(tier, code)),
        holidays=typed.get("holidays", "\n".join(programme.holidays)),
        faults=faults,
    )


def _shown(tier: Tier, currency: str) -> str:
    """A limit in the reader's notation, as the form reads it back; "" where there is none."""
    minor = tier.auto_approve.get(currency, 0)
    return number(Money(minor, currency).major()) if minor else ""

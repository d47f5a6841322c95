"""The operator's rooms: organisations, jobs, the audit trail. What tenants keep stays closed."""

from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from tpma.core.db import clock_of
from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity import platform, queries, service
from tpma.identity.models import OrganisationKind, OrganisationStatus
from tpma.identity.rules import ROLE_TABLE
from tpma.web.context import actor, render, system
from tpma.web.forms import asked, asked_number, choice
from tpma.web.guards import operator
from tpma.web.paging import SIZE, page_of

operators = Blueprint("operators", __name__, url_prefix="/admin")

_KINDS = {kind.value: kind for kind in OrganisationKind}


@operators.get("/")
@operator("organisations.write")
def home() -> ResponseReturnValue:
    with system().db.reading() as session:
        return render(
            "operators/home.html",
            overview=platform.overview(session),
            dead=platform.jobs_page(session, "dead", limit=5),
            trail=queries.audit_page(session, limit=10),
            now=clock_of(session)(),
            settings=system().settings,
        )


@operators.get("/organisations/")
@operator("organisations.write")
def organisations() -> ResponseReturnValue:
    kind = _KINDS.get(request.args.get("kind", ""))
    named = asked("q")
    with system().db.reading() as session:
        rows = platform.organisations(session, kind=kind, named=named)
        return render(
            "operators/organisations.html", rows=rows, kind=kind, named=named, kinds=list(_KINDS)
        )


@operators.get("/organisations/<uuid:organisation_id>")
@operator("organisations.write")
def organisation(organisation_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        company = service.get_organisation(session, organisation_id)
        return render(
            "operators/organisation.html",
            company=company,
            people=queries.members(session, organisation_id),
            roles=ROLE_TABLE,
            trail=queries.audit_page(session, tenant_id=organisation_id, limit=10),
        )


@operators.post("/organisations/<uuid:organisation_id>/status")
@operator("organisations.write")
def set_status(organisation_id: UUID) -> ResponseReturnValue:
    wanted = OrganisationStatus(choice("status", [status.value for status in OrganisationStatus]))
    with system().db.transaction() as session:
        company = service.get_organisation(session, organisation_id)
        service.set_organisation_status(session, actor(), company, wanted)
    flash(_("Saved."))
    return redirect(url_for(".organisation", organisation_id=organisation_id), 303)


@operators.get("/jobs/")
@operator("organisations.write")
def jobs() -> ResponseReturnValue:
    with system().db.reading() as session:
        counts = platform.job_counts(session)
        state = request.args.get("state") or ("dead" if counts["dead"] else "queued")
        if state not in platform.JOB_STATES:
            raise NotFound(_("There is nothing here."))
        rows = platform.jobs_page(session, state)
        return render(
            "operators/jobs.html",
            rows=rows,
            state=state,
            counts=counts,
            states=platform.JOB_STATES,
        )


@operators.post("/jobs/<uuid:job_id>/retry")
@operator("jobs.act")
def retry(job_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        platform.retry_job(session, actor(), job_id)
    flash(_("Queued again, with all its attempts."))
    return redirect(url_for(".jobs"), 303)


@operators.get("/audit/")
@operator("audit.read")
def audit() -> ResponseReturnValue:
    action = asked("action", 64)
    tenant = _tenant(request.args.get("organisation", ""))
    with system().db.reading() as session:
        rows = queries.audit_page(
            session,
            tenant_id=tenant,
            action=action,
            before=asked_number("before"),
            limit=SIZE + 1,
        )
        company = service.get_organisation(session, tenant) if tenant else None
        return render(
            "operators/audit.html", page=page_of(rows, "seq"), action=action, company=company
        )


def _tenant(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise NotFound(_("There is nothing here.")) from error

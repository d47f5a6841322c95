"""Staged rows become contacts, in one transaction of set-based statements: whole or not at all."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session, aliased

from tpma.audiences.models import (
    Consent,
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    Contact,
    ContactImport,
    ContactStatus,
    ContactTag,
    ImportRow,
    ImportState,
    Suppression,
    SuppressionReason,
    SuppressionScope,
)
from tpma.audiences.queries import on_list
from tpma.core.db import clock_of, grown, json_elements, upsert
from tpma.identity.service import record
from tpma.jobs import enqueue

KEPT = timedelta(days=30)  # how long the error file can be fetched
_FILLED = (
    "given_name",
    "family_name",
    "title",
    "phone",
    "company",
    "company_domain",
    "country",
    "locale",
)


def merge(session: Session, import_id: UUID) -> ImportState:
    found = session.scalars(
        select(ContactImport).where(ContactImport.id == import_id).with_for_update()
    ).one()
    if found.state is not ImportState.MERGING:
        return found.state
    grown(session, ImportRow)
    found.rows_bad += _keep_erased_out(session, found)
    found.rows_repeated = _drop_repeats(session, found)
    found.rows_warned = _count(session, found, ImportRow.warning.is_not(None))
    known = on_list(ImportRow.hmac, ImportRow.email_norm, found.tenant_id)
    found.rows_suppressed = _count(session, found, known)
    touched = _merge_contacts(session, found)
    grown(session, Contact)
    found.contacts_added = _count(session, found, _is_new())
    found.contacts_updated = touched - found.contacts_added
    _merge_tags(session, found)
    _merge_consents(session, found)
    _finish(session, found)
    return found.state


def _good(found: ContactImport) -> ColumnElement[bool]:
    return and_(ImportRow.import_id == found.id, ImportRow.fault.is_(None))


def _count(session: Session, found: ContactImport, condition: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(ImportRow).where(_good(found), condition)
    return session.scalar(query) or 0


def _is_new() -> ColumnElement[bool]:
    return exists().where(Contact.id == ImportRow.contact_id)


def _keep_erased_out(session: Session, found: ContactImport) -> int:
    """Of who asked to be forgotten, not even the row stays."""
    asked = _erased(found)
    blank = dict.fromkeys((*_FILLED, "email"), "")
    emptied = session.execute(
        update(ImportRow)
        .where(_good(found), asked)
        .values(
            blank | {"fault": "erased", "email_norm": None, "hmac": None, "tags": [], "raw": []}
        )
        .execution_options(synchronize_session=False)
    )
    return int(emptied.rowcount)  # type: ignore[attr-defined]


def _erased(found: ContactImport) -> ColumnElement[bool]:
    own = and_(
        Suppression.scope == SuppressionScope.PARTNER, Suppression.tenant_id == found.tenant_id
    )
    return exists().where(
        Suppression.email_hmac == ImportRow.hmac,
        Suppression.lifted_at.is_(None),
        or_(Suppression.scope == SuppressionScope.PLATFORM, own),
        Suppression.reason == SuppressionReason.ERASURE,
    )


def _drop_repeats(session: Session, found: ContactImport) -> int:
    """The first row of an address wins."""
    first = aliased(ImportRow)
    repeated = exists().where(
        first.import_id == ImportRow.import_id,
        first.email_norm == ImportRow.email_norm,
        first.fault.is_(None),
        first.seq < ImportRow.seq,
    )
    dropped = session.execute(
        delete(ImportRow).where(_good(found), repeated).execution_options(synchronize_session=False)
    )
    return int(dropped.rowcount)  # type: ignore[attr-defined]


def _merge_contacts(session: Session, found: ContactImport) -> int:
    """Add who is new; fill what is empty of who is known, and change nothing else."""
    now = clock_of(session)()
    fixed = {
        "tenant_id": found.tenant_id,
        "source": "import",
        "source_detail": found.file_name,
        "status": ContactStatus.ACTIVE,
        "created_at": now,
        "updated_at": now,
        "row_version": 1,
    }
    copied = ("email", "email_norm", "hmac", *_FILLED)
    rows = select(
        ImportRow.contact_id,
        *(getattr(ImportRow, name) for name in copied),
        *(literal(value, getattr(Contact, name).type) for name, value in fixed.items()),
    ).where(_good(found))
    statement = upsert(session, Contact).from_select(["id", *copied, *fixed], rows)
    filled = {
        name: case(
            (getattr(Contact, name) == "", statement.excluded[name]), else_=getattr(Contact, name)
        )
        for name in _FILLED
    }
    merged = session.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "email_norm"],
            set_=filled | {"updated_at": now, "row_version": Contact.row_version + 1},
            where=or_(
                *(
                    and_(getattr(Contact, name) == "", statement.excluded[name] != "")
                    for name in _FILLED
                )
            ),
        ),
        execution_options={"preserve_rowcount": True},
    )
    return int(merged.rowcount)  # type: ignore[attr-defined]


def _contact_of_row(found: ContactImport) -> ColumnElement[bool]:
    return and_(Contact.tenant_id == found.tenant_id, Contact.email_norm == ImportRow.email_norm)


def _merge_tags(session: Session, found: ContactImport) -> None:
    tag = json_elements(session, ImportRow.tags)
    rows = (
        select(Contact.id, tag.c.value)
        .select_from(ImportRow)
        .join(Contact, _contact_of_row(found))
        .join(tag, true())
        .where(_good(found))
    )
    session.execute(
        upsert(session, ContactTag)
        .from_select(["contact_id", "tag"], rows)
        .on_conflict_do_nothing()
    )


def _merge_consents(session: Session, found: ContactImport) -> None:
    """One row of the ledger a person; who withdrew, was asked, or agreed so before gets none."""
    values: dict[str, tuple[Any, Any]] = {
        "tenant_id": (found.tenant_id, Consent.tenant_id.type),
        "purpose": (ConsentPurpose.PARTNER_MARKETING, Consent.purpose.type),
        "basis": (ConsentBasis(found.basis), Consent.basis.type),
        "state": (ConsentState.GRANTED, Consent.state.type),
        "at": (clock_of(session)(), Consent.at.type),
        "evidence": (_evidence(found), Consent.evidence.type),
        "obtained_on": (found.obtained_on, Consent.obtained_on.type),
    }
    rows = (
        select(Contact.id, Contact.locale, *(literal(v, kind) for v, kind in values.values()))
        .select_from(ImportRow)
        .join(Contact, _contact_of_row(found))
        .where(_good(found), ~_is_settled(found))
    )
    session.execute(insert(Consent).from_select(["contact_id", "locale", *values], rows))


def _evidence(found: ContactImport) -> dict[str, Any]:
    bought = {"purchased": True} if found.purchased else {}
    return {"import": str(found.id), "source": found.consent_source, **bought}


def _is_settled(found: ContactImport) -> ColumnElement[bool]:
    other = aliased(Consent)
    newest = (
        select(func.max(other.seq))
        .where(other.contact_id == Contact.id, other.purpose == ConsentPurpose.PARTNER_MARKETING)
        .correlate(Contact)
        .scalar_subquery()
    )
    final = Consent.state.in_([ConsentState.WITHDRAWN, ConsentState.PENDING_DOI])
    same = and_(Consent.state == ConsentState.GRANTED, Consent.basis == found.basis)
    return exists().where(Consent.seq == newest, or_(final, same)).correlate(Contact)


def _finish(session: Session, found: ContactImport) -> None:
    """Good rows have become contacts; only what the error file tells of is kept, for a while."""
    session.execute(
        delete(ImportRow)
        .where(_good(found), ImportRow.warning.is_(None))
        .execution_options(synchronize_session=False)
    )
    now = clock_of(session)()
    found.state, found.finished_at = ImportState.DONE, now
    enqueue(session, "audiences.tidy", now + KEPT, import_id=str(found.id))
    record(
        session,
        None,
        found.tenant_id,
        "import.done",
        found,
        added=found.contacts_added,
        updated=found.contacts_updated,
        bad=found.rows_bad,
    )
    session.flush()


def fail(session: Session, import_id: UUID, message: str) -> ImportState:
    found = session.get_one(ContactImport, import_id)
    session.execute(delete(ImportRow).where(ImportRow.import_id == found.id))
    found.state, found.error = ImportState.FAILED, message[:300]
    found.finished_at = clock_of(session)()
    record(session, None, found.tenant_id, "import.failed", found)
    session.flush()
    return found.state

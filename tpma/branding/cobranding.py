"""A kit with a partner's words: how it changes, and who says yes.

Each change settles it: approved by rule where nobody has to look, so partners wait for nobody;
pending_approval where the vendor asked to see a text or the partner makes a claim; draft while a
text holds an error. A reviewer approves it, or sends it back to draft with a note.
"""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tpma.branding import notices, queries, reports, rules
from tpma.branding.findings import Finding, errors
from tpma.branding.models import CoBrandedKit, CoBrandedKitState, Customisation
from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid, NotAllowed
from tpma.core.i18n import gettext as _
from tpma.core.text import lines
from tpma.identity.models import Membership
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.kits import queries as kits
from tpma.kits.models import KitVersion
from tpma.partners.models import Enrolment
from tpma.rendering.content import KitContent, SlotSpec

State = CoBrandedKitState
_LOOKED_AT = frozenset({"text.claims", "text.prohibited"})  # warnings that a person decides on


def cobranded(session: Session, enrolment: Enrolment, kit_version: KitVersion) -> CoBrandedKit:
    """The partner's own copy of a kit version, made when it is first asked for."""
    found = queries.find_cobranded(session, enrolment, kit_version.id)
    if found is not None:
        return found
    try:
        with session.begin_nested():
            return _made(session, enrolment, kit_version)
    except IntegrityError:  # a colleague made the copy, or the brand under it, a moment ago
        found = queries.find_cobranded(session, enrolment, kit_version.id)
        return found or _made(session, enrolment, kit_version)


def _made(session: Session, enrolment: Enrolment, kit_version: KitVersion) -> CoBrandedKit:
    brand = queries.profile(session, enrolment.partner_id)
    session.add(brand)
    session.flush()
    made = CoBrandedKit(
        tenant_id=enrolment.partner_id,
        enrolment_id=enrolment.id,
        kit_version=kit_version,
        brand=brand,
        state=State.DRAFT,
        check_report={},
        approved_values={},
    )
    session.add(made)
    session.flush()
    _settle(session, made, None)
    return made


def customise(
    session: Session,
    cobranded: CoBrandedKit,
    asset: str,
    slot: str,
    locale: str,
    value: str,
    actor: Actor | None = None,
) -> None:
    """Put the partner's words into a slot; nothing, or the kit's own words, restores the kit's.

    Raises NotAllowed for a place that is locked, Invalid (field "<asset>.<slot>") for words that
    do not fit, Conflict once the kit is no longer valid.
    """
    content = kits.content(session, cobranded.kit_version_id)
    spec = _editable(content, asset, slot)
    if locale not in content.locales:
        raise Invalid(_("This kit has no texts in that language."), field="locale")
    if cobranded.state is State.INVALID:
        raise Conflict(_("This kit was recalled. Open its new version."))
    text = rules.clean(spec, value)
    rules.refuse(rules.check_form(spec, text))
    default = rules.default_text(content, spec, locale)
    if _write(session, cobranded, spec, locale, "" if text == default else text):
        _settle(session, cobranded, actor)


def _editable(content: KitContent, asset: str, slot: str) -> SlotSpec:
    for spec in content.slots_of(asset):
        if spec.key == slot and spec.editable_by == "partner":
            return spec
    raise NotAllowed(_("The vendor keeps this text as it is."), field=f"{asset}.{slot}")


def _write(
    session: Session, cobranded: CoBrandedKit, spec: SlotSpec, locale: str, text: str
) -> bool:
    """Keep or drop the row; False if it said so already."""
    row = session.scalar(
        select(Customisation).where(
            Customisation.tenant_id == cobranded.tenant_id,
            Customisation.cobranded_kit_id == cobranded.id,
            Customisation.asset == spec.asset,
            Customisation.slot == spec.key,
            Customisation.locale == locale,
        )
    )
    if (row.value if row else "") == text:
        return False
    if row is not None and text:
        row.value = text
    elif row is not None:
        session.delete(row)
    else:
        session.add(_row(cobranded, spec, locale, text))
    session.flush()
    return True


def _row(cobranded: CoBrandedKit, spec: SlotSpec, locale: str, text: str) -> Customisation:
    return Customisation(
        tenant_id=cobranded.tenant_id,
        cobranded_kit_id=cobranded.id,
        asset=spec.asset,
        slot=spec.key,
        locale=locale,
        value=text,
    )


def _settle(session: Session, cobranded: CoBrandedKit, actor: Actor | None) -> None:
    found = reports.words_report(session, cobranded)
    cobranded.check_report = {"findings": [finding.to_json() for finding in found]}
    cobranded.state = State.DRAFT
    cobranded.submitted_at = None
    if errors(found):
        return
    if to_be_looked_at(session, cobranded, found):
        _submit(session, cobranded, actor)
    else:
        _approve(session, cobranded, actor, "cobranded_kit.auto_approved")


def _submit(session: Session, cobranded: CoBrandedKit, actor: Actor | None) -> None:
    cobranded.state = State.PENDING_APPROVAL
    cobranded.submitted_at = clock_of(session)()
    cobranded.review_note = ""
    record(session, actor, cobranded.tenant_id, "cobranded_kit.submitted", cobranded)


def submit(session: Session, cobranded: CoBrandedKit, actor: Actor | None = None) -> State:
    """Ask again for a version that came back, as it is; the answer is the state after it.

    Nothing happens to a kit that is approved or waits already. Raises Invalid with the first
    error of its texts, Conflict once the kit is no longer valid.
    """
    if cobranded.state is State.INVALID:
        raise Conflict(_("This kit was recalled. Open its new version."))
    if cobranded.state is State.DRAFT:
        rules.refuse(reports.words_report(session, cobranded))
        _settle(session, cobranded, actor)
    return cobranded.state


def to_be_looked_at(
    session: Session, cobranded: CoBrandedKit, findings: list[Finding]
) -> list[str]:
    """Keys "<asset>/<slot>/<locale>" of what a person of the vendor has to read."""
    content = kits.content(session, cobranded.kit_version_id)
    specs = {(spec.asset, spec.key): spec for spec in content.slots}
    claimed = {finding.field for finding in findings if finding.rule in _LOOKED_AT}
    waiting = [
        key
        for key, value in _values(session, cobranded, content).items()
        if cobranded.approved_values.get(key) != value
        and _asks(specs[_slot_of(key)], value, claimed)
    ]
    return sorted(waiting)


def _asks(spec: SlotSpec, value: str, claimed: set[str]) -> bool:
    if spec.requires_approval == "always":
        return True
    asked = spec.requires_approval == "if_changed" or rules.field_of(spec) in claimed
    return bool(value) and asked


def _slot_of(key: str) -> tuple[str, str]:
    asset, slot, _locale = key.split("/", 2)
    return asset, slot


def _values(session: Session, cobranded: CoBrandedKit, content: KitContent) -> dict[str, str]:
    """Every slot's words by key, "" for the kit's own."""
    own = {
        f"{row.asset}/{row.slot}/{row.locale}": row.value
        for row in queries.customisations(session, cobranded)
    }
    keys = (f"{s.asset}/{s.key}/{locale}" for s in content.slots for locale in content.locales)
    return {key: own.get(key, "") for key in keys}


def approve(session: Session, actor: Actor, cobranded: CoBrandedKit) -> None:
    """A reviewer of the vendor says yes. Raises Conflict unless it waits for that, NotAllowed
    for somebody who is also a member of the partner."""
    _check_reviewer(session, actor, cobranded)
    _approve(session, cobranded, actor, "cobranded_kit.approved")
    notices.approved(session, cobranded)


def request_changes(session: Session, actor: Actor, cobranded: CoBrandedKit, reason: str) -> None:
    """Send it back to the partner with what has to change. Raises Invalid without a reason."""
    _check_reviewer(session, actor, cobranded)
    note = lines(reason, 1000, "reason")
    if not note:
        raise Invalid(
            _("Write which sentence has to change, and how; the partner sees it."), field="reason"
        )
    cobranded.state = State.DRAFT
    cobranded.review_note = note
    cobranded.submitted_at = None
    record(session, actor, cobranded.tenant_id, "cobranded_kit.changes_requested", cobranded)
    notices.sent_back(session, cobranded)


def _check_reviewer(session: Session, actor: Actor, cobranded: CoBrandedKit) -> None:
    if cobranded.state is not State.PENDING_APPROVAL:
        raise Conflict(_("This version no longer waits for an answer. Reload the list."))
    other_side = session.scalar(
        select(Membership.id).where(
            Membership.user_id == actor.user_id,
            Membership.organisation_id == cobranded.tenant_id,
            Membership.ended_at.is_(None),
        )
    )
    if other_side is not None:
        raise NotAllowed(_("You are also a member of this partner, so somebody else decides."))


def _approve(session: Session, cobranded: CoBrandedKit, actor: Actor | None, action: str) -> None:
    content = kits.content(session, cobranded.kit_version_id)
    cobranded.state = State.APPROVED
    cobranded.approved_at = clock_of(session)()
    cobranded.approved_values = _values(session, cobranded, content)
    cobranded.submitted_at = None
    cobranded.review_note = ""
    record(session, actor, cobranded.tenant_id, action, cobranded)

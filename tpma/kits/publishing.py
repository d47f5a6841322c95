"""The gate between a checked version and the partners: draft, review, published, or back.

One person may take all steps, unless the vendor asked for four eyes: then whoever uploaded a
version or sent it to review is not the one who publishes it.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid, NotAllowed
from tpma.core.i18n import gettext as _
from tpma.core.text import lines
from tpma.identity.queries import people_who_may
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.kits import rules
from tpma.kits.models import IMMUTABLE_FROM, Kit, KitVersion, KitVersionState
from tpma.partners.queries import vendor_of
from tpma.rendering.content import KitContent

PUBLISH = "kits.publish"
_LONGEST_REASON = 1000
_STEPS = {  # docs/domain.md: what takes a version to the partners from where it is
    KitVersionState.VALIDATED: (
        ("submit", KitVersionState.IN_REVIEW),
        ("approve", KitVersionState.APPROVED),
        ("publish", KitVersionState.PUBLISHED),
    ),
    KitVersionState.IN_REVIEW: (
        ("approve", KitVersionState.APPROVED),
        ("publish", KitVersionState.PUBLISHED),
    ),
}


def four_eyes(session: Session, vendor_org_id: UUID) -> bool:
    """Whether a second person has to publish. It does not count while there is nobody else."""
    wanted = vendor_of(session, vendor_org_id).four_eyes
    return wanted and len(people_who_may(session, vendor_org_id, PUBLISH)) > 1


def set_four_eyes(session: Session, actor: Actor, wanted: bool) -> None:
    """Raises Invalid where fewer than two people may publish: nothing could be published."""
    vendor = vendor_of(session, actor.organisation_id)
    if wanted and len(people_who_may(session, actor.organisation_id, PUBLISH)) < 2:
        raise Invalid(
            _("Only one person here may publish kits. Invite a second one first, on Team."),
            field="four_eyes",
        )
    if vendor.four_eyes is not wanted:
        vendor.four_eyes = wanted
        event = "vendor.four_eyes_on" if wanted else "vendor.four_eyes_off"
        record(session, actor, actor.organisation_id, event, vendor)


def submit(session: Session, actor: Actor, version: KitVersion) -> None:
    """Ask for a review. Raises Conflict unless the version passed the check and waits."""
    if version.state is not KitVersionState.VALIDATED:
        raise Conflict(_("This version is no longer a draft. Reload the page."))
    version.state = KitVersionState.IN_REVIEW
    version.submitted_by_id, version.review_note = actor.user_id, ""
    note(session, version, "submit", actor)


def reject(session: Session, actor: Actor, version: KitVersion, reason: str) -> None:
    """Send it back as a draft, with what has to change. Raises Invalid without a reason."""
    if version.state is not KitVersionState.IN_REVIEW:
        raise Conflict(_("This version no longer waits for a review. Reload the page."))
    said = lines(reason, _LONGEST_REASON, "reason")
    if not said:
        raise Invalid(_("Write what has to change; whoever made the kit sees it."), field="reason")
    version.state, version.review_note = KitVersionState.VALIDATED, said
    note(session, version, "reject", actor)


def publish_version(
    session: Session, version: KitVersion, actor: Actor | None = None
) -> KitVersion:
    """Take a version to the partners; the one before it is superseded.

    Each step leaves its audit row. From the command line nobody is signed in: the operator
    answers for author and reviewer, and the rows say so.

    Raises Conflict unless it is checked or in review, and newer than every published version;
    NotAllowed where the vendor asked for four eyes and these are the first two.
    """
    if version.state not in _STEPS:
        raise Conflict(_("Only a version that passed the check can be published. Upload it again."))
    if actor is not None:
        _refuse_same_eyes(session, actor, version)
    require_newer(session, version.kit, version.semver)
    before = newest(session, version.kit_id)
    alone = version.state is KitVersionState.VALIDATED or _has_touched(actor, version)
    for event, state in _STEPS[version.state]:
        version.state = state
        note(session, version, event, actor, answers_for=_answers_for(event, actor, alone))
    version.published_at = clock_of(session)()
    version.supersedes_id = before.id if before else None
    version.review_note = ""
    if before is not None:
        before.state = KitVersionState.SUPERSEDED
        note(session, before, "supersede", actor, by=version.semver)
    describe(version.kit, KitContent.from_json(version.manifest))
    session.flush()
    return version


def needs_others(session: Session, user_id: UUID, version: KitVersion) -> bool:
    """Whether somebody else has to publish what this person made or asked to publish."""
    if not four_eyes(session, version.tenant_id):
        return False
    mine = user_id in (version.author_id, version.submitted_by_id)
    return mine or version.state is not KitVersionState.IN_REVIEW


def _refuse_same_eyes(session: Session, actor: Actor, version: KitVersion) -> None:
    if not needs_others(session, actor.user_id, version):
        return
    if version.state is KitVersionState.VALIDATED:
        raise NotAllowed(_("Your company wants four eyes: send this version to review first."))
    raise NotAllowed(
        _("Your company wants four eyes: somebody else publishes what you uploaded or sent.")
    )


def _has_touched(actor: Actor | None, version: KitVersion) -> bool:
    return actor is not None and actor.user_id in (version.author_id, version.submitted_by_id)


def _answers_for(event: str, actor: Actor | None, alone: bool) -> str:
    """One person may take all steps; who looks at the audit log must see that it was one."""
    if actor is None:
        return "author and reviewer: operator"
    if not alone:
        return "reviewer"
    return "author and reviewer" if event == "approve" else "author"


def newest(session: Session, kit_id: UUID) -> KitVersion | None:
    """The version partners get now."""
    return session.scalar(
        select(KitVersion).where(
            KitVersion.kit_id == kit_id, KitVersion.state == KitVersionState.PUBLISHED
        )
    )


def describe(kit: Kit, content: KitContent) -> None:
    kit.title = content.text("kit.title", content.source_locale)
    kit.summary = content.text("kit.summary", content.source_locale)
    kit.motion = content.motion
    kit.product_families = list(content.product_families)
    kit.entitled_tiers = list(content.tiers)
    kit.entitled_types = list(content.types)
    kit.territories_allow = list(content.allow)
    kit.territories_deny = list(content.deny)
    kit.embargo_until = content.embargo_date()
    kit.retires_on = content.retires_date()


def require_newer(session: Session, kit: Kit, wanted: str) -> None:
    taken = session.scalars(
        select(KitVersion.semver).where(
            KitVersion.kit_id == kit.id, KitVersion.state.in_(IMMUTABLE_FROM)
        )
    ).all()
    latest = max(taken, key=rules.semver, default=None)
    if latest is not None and not rules.newer(wanted, latest):
        raise Conflict(
            _(
                'Version %(semver)s is not newer than %(latest)s. Write semver = "%(next)s" or '
                "greater in kit.toml.",
                semver=wanted,
                latest=latest,
                next=rules.next_patch(latest),
            ),
            field="semver",
        )


def note(
    session: Session, version: KitVersion, event: str, actor: Actor | None, **detail: Any
) -> None:
    record(
        session,
        actor,
        version.tenant_id,
        f"kit_version.{event}",
        version,
        semver=version.semver,
        **detail,
    )

"""Kits come in as drafts that passed the check, and go out as versions that never change."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.kits import rules
from tpma.kits.check import Reading
from tpma.kits.faults import extension
from tpma.kits.models import IMMUTABLE_FROM, Kit, KitFile, KitVersion, KitVersionState
from tpma.rendering.content import KitContent

CONTENT_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
    "css": "text/css",
}
_STEPS = (  # docs/domain.md: what takes a validated version to the partners
    ("submit", KitVersionState.IN_REVIEW),
    ("approve", KitVersionState.APPROVED),
    ("publish", KitVersionState.PUBLISHED),
)


def content_hash(content: KitContent, files: Mapping[str, bytes]) -> str:
    """sha256, in hex, over one canonical JSON of the content and of each file's own sha256."""
    manifest = {
        "content": content.to_json(),
        "files": sorted((path, hashlib.sha256(data).hexdigest()) for path, data in files.items()),
    }
    canonical = json.dumps(manifest, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def publish(
    session: Session,
    vendor_org_id: UUID,
    content: KitContent,
    files: Mapping[str, bytes],
    actor: Actor | None = None,
) -> KitVersion:
    """Make a kit that passed the check the vendor's newest version, in one step.

    Publishing the same content under the same number again changes nothing and answers the
    version that exists. Raises Conflict for other content under a published number, and for
    a number that is not greater than the newest.
    """
    existing = _version(session, vendor_org_id, content)
    if existing is not None and existing.state in IMMUTABLE_FROM:
        return _same(existing, content_hash(content, files))
    return publish_version(
        session, save_draft(session, vendor_org_id, content, files, actor), actor
    )


def publish_reading(
    session: Session, vendor_org_id: UUID, reading: Reading, actor: Actor | None = None
) -> KitVersion:
    """As `publish`. Raises Invalid, naming the first fault, if the check found one."""
    if reading.content is None or reading.faults:
        first = str(reading.faults[0]) if reading.faults else ""
        raise Invalid(
            _(
                "This kit has %(count)s faults; the first: %(first)s",
                count=len(reading.faults),
                first=first,
            ),
            field="kit",
        )
    return publish(session, vendor_org_id, reading.content, reading.files, actor)


def save_draft(
    session: Session,
    vendor_org_id: UUID,
    content: KitContent,
    files: Mapping[str, bytes],
    actor: Actor | None = None,
) -> KitVersion:
    """Keep a kit that passed the check, for its publisher to look at; partners do not see it.

    An earlier draft of the same number is replaced. Raises Conflict as `publish` does.
    """
    kit = _kit(session, vendor_org_id, content)
    _require_newer(session, kit, content.semver)
    _discard_draft(session, kit, content.semver)
    version = KitVersion(
        tenant_id=vendor_org_id,
        kit_id=kit.id,
        semver=content.semver,
        content_hash=content_hash(content, files),
        manifest=content.to_json(),
        state=KitVersionState.VALIDATED,
        published_at=None,
    )
    session.add(version)
    session.flush()
    session.add_all(_files(version, files))
    session.flush()
    _record(session, version, "validate", actor, hash=version.content_hash)
    return version


def publish_version(
    session: Session, version: KitVersion, actor: Actor | None = None
) -> KitVersion:
    """Take a validated version to the partners; the one before it is superseded.

    Each step leaves its audit row. From the command line nobody is signed in: the operator
    answers for author and reviewer, and the rows say so.

    Raises Conflict unless it is validated and newer than every published version.
    """
    if version.state is not KitVersionState.VALIDATED:
        raise Conflict(_("Only a version that passed the check can be published. Upload it again."))
    _require_newer(session, version.kit, version.semver)
    before = newest(session, version.kit_id)
    for event, state in _STEPS:
        version.state = state
        _record(session, version, event, actor, answers_for=_answers_for(event, actor))
    version.published_at = clock_of(session)()
    version.supersedes_id = before.id if before else None
    if before is not None:
        before.state = KitVersionState.SUPERSEDED
        _record(session, before, "supersede", actor, by=version.semver)
    _describe(version.kit, KitContent.from_json(version.manifest))
    session.flush()
    return version


def newest(session: Session, kit_id: UUID) -> KitVersion | None:
    """The version partners get now."""
    return session.scalar(
        select(KitVersion).where(
            KitVersion.kit_id == kit_id, KitVersion.state == KitVersionState.PUBLISHED
        )
    )


def _answers_for(event: str, actor: Actor | None) -> str:
    """One person may take all steps; who looks at the audit log must see that it was one."""
    if actor is None:
        return "author and reviewer: operator"
    return "author and reviewer" if event == "approve" else "author"


def _version(session: Session, vendor_org_id: UUID, content: KitContent) -> KitVersion | None:
    return session.scalar(
        select(KitVersion)
        .join(Kit)
        .where(
            Kit.tenant_id == vendor_org_id,
            Kit.slug == content.slug,
            KitVersion.semver == content.semver,
        )
    )


def _same(existing: KitVersion, wanted_hash: str) -> KitVersion:
    if existing.content_hash == wanted_hash:
        return existing
    raise Conflict(
        _(
            'Version %(semver)s is published with other content. Write semver = "%(next)s" in '
            "kit.toml and publish that.",
            semver=existing.semver,
            next=rules.next_patch(existing.semver),
        ),
        field="semver",
    )


def _kit(session: Session, vendor_org_id: UUID, content: KitContent) -> Kit:
    """The vendor's kit of this slug and key, made if it is new."""
    found = session.scalars(
        select(Kit).where(
            Kit.tenant_id == vendor_org_id,
            (Kit.slug == content.slug) | (Kit.key == content.key),
        )
    ).all()
    if not found:
        return _new_kit(session, vendor_org_id, content)
    kit = found[0]
    if len(found) > 1 or (kit.slug, kit.key) != (content.slug, content.key):
        raise Conflict(
            _(
                "The key %(key)s belongs to the kit %(slug)s for good, since it stands in campaign "
                "codes. Use both together, or choose a new key and a new slug.",
                key=kit.key,
                slug=kit.slug,
            ),
            field="key",
        )
    return kit


def _new_kit(session: Session, vendor_org_id: UUID, content: KitContent) -> Kit:
    kit = Kit(tenant_id=vendor_org_id, key=content.key, slug=content.slug)
    _describe(kit, content)
    session.add(kit)
    session.flush()
    record(session, None, vendor_org_id, "kit.create", kit, key=kit.key)
    return kit


def _describe(kit: Kit, content: KitContent) -> None:
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


def _require_newer(session: Session, kit: Kit, wanted: str) -> None:
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


def _discard_draft(session: Session, kit: Kit, wanted: str) -> None:
    draft = session.scalar(
        select(KitVersion).where(KitVersion.kit_id == kit.id, KitVersion.semver == wanted)
    )
    if draft is None:
        return
    for file in session.scalars(select(KitFile).where(KitFile.kit_version_id == draft.id)):
        session.delete(file)
    session.flush()
    session.delete(draft)
    session.flush()


def _files(version: KitVersion, files: Mapping[str, bytes]) -> Iterable[KitFile]:
    for path, data in sorted(files.items()):
        yield KitFile(
            kit_version_id=version.id,
            path=path,
            sha256=hashlib.sha256(data).hexdigest(),
            content_type=CONTENT_TYPES[extension(path)],
            content=data,
        )


def _record(
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

"""Kits come in as drafts that passed the check, and go out as versions that never change."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.kits import rules
from tpma.kits.check import Reading
from tpma.kits.faults import extension
from tpma.kits.models import IMMUTABLE_FROM, Kit, KitFile, KitVersion, KitVersionState
from tpma.kits.publishing import (
    describe,
    newest,
    note,
    publish_version,
    reject,
    require_newer,
    set_four_eyes,
    submit,
)
from tpma.rendering.content import KitContent

__all__ = [
    "content_hash",
    "newest",
    "publish",
    "publish_reading",
    "publish_version",
    "reject",
    "save_draft",
    "set_four_eyes",
    "submit",
]

CONTENT_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
    "css": "text/css",
}


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
    require_newer(session, kit, content.semver)
    _discard_draft(session, kit, content.semver)
    version = KitVersion(
        tenant_id=vendor_org_id,
        kit_id=kit.id,
        semver=content.semver,
        content_hash=content_hash(content, files),
        manifest=content.to_json(),
        state=KitVersionState.VALIDATED,
        author_id=actor.user_id if actor else None,
        published_at=None,
    )
    session.add(version)
    session.flush()
    session.add_all(_files(version, files))
    session.flush()
    note(session, version, "validate", actor, hash=version.content_hash)
    return version


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
    describe(kit, content)
    session.add(kit)
    session.flush()
    record(session, None, vendor_org_id, "kit.create", kit, key=kit.key)
    return kit


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

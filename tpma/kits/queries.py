"""Kits as one partner, one vendor or a mail client sees them."""

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from threading import Lock
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation, OrganisationKind
from tpma.kits import rules
from tpma.kits.faults import extension
from tpma.kits.models import IMMUTABLE_FROM, Kit, KitFile, KitVersion, KitVersionState
from tpma.partners.models import Enrolment, EnrolmentState, Partner, Tier
from tpma.partners.queries import looked_after
from tpma.rendering.content import KitContent

_AT_WORK = (EnrolmentState.ONBOARDING, EnrolmentState.ACTIVE)
_SLUG = re.compile(r"[a-z0-9-]{1,40}")
_MOST_KEPT = 64  # parsed contents, each well under a megabyte


@dataclass(frozen=True, slots=True)
class Offer:
    """A kit a partner may use, in its newest published version, and why."""

    kit: Kit
    version: KitVersion
    verdict: rules.Verdict


@dataclass(frozen=True, slots=True)
class Reach:
    """How many of a vendor's partners a kit is open to today."""

    open_to: int
    partners: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """A vendor's kit with all its versions, newest first."""

    kit: Kit
    versions: list[KitVersion]

    @property
    def published(self) -> KitVersion | None:
        return next((v for v in self.versions if v.state is KitVersionState.PUBLISHED), None)

    @property
    def shown(self) -> KitVersion:
        """The published version, else the newest there is."""
        return self.published or self.versions[0]


def entitlement(kit: Kit) -> rules.Entitlement:
    return rules.Entitlement(
        tiers=kit.entitled_tiers,
        types=kit.entitled_types,
        allow=kit.territories_allow,
        deny=kit.territories_deny,
        embargo=kit.embargo_until,
        retires=kit.retires_on,
    )


def asking(session: Session, enrolment: Enrolment) -> rules.Asking:
    """The partner of an enrolment as the entitlement rules know it."""
    partner_type = session.scalars(
        select(Partner.partner_type).where(Partner.organisation_id == enrolment.partner_id)
    ).one()
    return rules.Asking(enrolment.tier.key, partner_type, enrolment.partner.country)


def catalog(session: Session, enrolment: Enrolment, today: date) -> list[Offer]:
    """Every kit of this programme's vendor that the partner may use, by title."""
    found = session.execute(
        select(Kit, KitVersion)
        .join(KitVersion, KitVersion.kit_id == Kit.id)
        .where(
            Kit.tenant_id == enrolment.tenant_id,
            KitVersion.state == KitVersionState.PUBLISHED,
        )
        .order_by(Kit.title, Kit.id)
        .options(defer(KitVersion.manifest))
    ).all()
    return list(_offers(session, enrolment, [(row[0], row[1]) for row in found], today))


def _offers(
    session: Session,
    enrolment: Enrolment,
    found: Iterable[tuple[Kit, KitVersion]],
    today: date,
) -> Iterable[Offer]:
    partner = asking(session, enrolment)
    for kit, version in found:
        verdict = rules.visible(entitlement(kit), partner, today)
        if verdict.visible:
            yield Offer(kit, version, verdict)


def offer(session: Session, enrolment: Enrolment, kit_slug: str, today: date) -> Offer:
    """One kit the partner may use. Raises NotFound for every other, there or not."""
    _require_slug(kit_slug)
    found = session.execute(
        select(Kit, KitVersion)
        .join(KitVersion, KitVersion.kit_id == Kit.id)
        .where(
            Kit.tenant_id == enrolment.tenant_id,
            Kit.slug == kit_slug,
            KitVersion.state == KitVersionState.PUBLISHED,
        )
    ).first()
    if found is not None:
        for seen in _offers(session, enrolment, [(found[0], found[1])], today):
            return seen
    raise NotFound(_("There is no such kit. It may have been retired."))


def _require_slug(text: str) -> None:
    """PostgreSQL refuses to look for some texts, such as one with a zero byte in it."""
    if not _SLUG.fullmatch(text):
        raise NotFound(_("There is no such kit."))


def get_for_partner(
    session: Session, enrolment: Enrolment, kit_slug: str, today: date
) -> tuple[Kit, KitVersion]:
    """The kit and its newest published version. Raises NotFound if the partner may not use it."""
    found = offer(session, enrolment, kit_slug, today)
    return found.kit, found.version


class _Kept:
    """The last contents that were parsed; safe to keep, because a published one never changes."""

    def __init__(self) -> None:
        self._contents: OrderedDict[UUID, KitContent] = OrderedDict()
        self._lock = Lock()

    def get(self, version_id: UUID) -> KitContent | None:
        with self._lock:
            found = self._contents.get(version_id)
            if found is not None:
                self._contents.move_to_end(version_id)
            return found

    def put(self, version_id: UUID, content: KitContent) -> None:
        with self._lock:
            self._contents[version_id] = content
            if len(self._contents) > _MOST_KEPT:
                self._contents.popitem(last=False)


_kept = _Kept()


def content(session: Session, version_id: UUID) -> KitContent:
    """What a version holds. The caller got the id from a row of its own tenant.

    Raises NotFound if there is no such version.
    """
    found = _kept.get(version_id)
    if found is not None:
        return found
    row = session.execute(
        select(KitVersion.manifest, KitVersion.state).where(KitVersion.id == version_id)
    ).first()
    if row is None:
        raise NotFound(_("There is no such version of a kit."))
    parsed = KitContent.from_json(row[0])
    if row[1] in IMMUTABLE_FROM:
        _kept.put(version_id, parsed)
    return parsed


def file_by_sha(session: Session, sha256: str) -> KitFile:
    """A file of any version ever published, by its content. Raises NotFound."""
    found = session.scalars(
        select(KitFile)
        .join(KitVersion, KitVersion.id == KitFile.kit_version_id)
        .where(KitFile.sha256 == sha256, KitVersion.state.in_(IMMUTABLE_FROM))
        .limit(1)
    ).first()
    if found is None:
        raise NotFound(_("There is no such file."))
    return found


def files(session: Session, version_id: UUID) -> list[KitFile]:
    """Every file of a version, by path. The caller got the id from a row of its own tenant."""
    found = select(KitFile).where(KitFile.kit_version_id == version_id).order_by(KitFile.path)
    return list(session.scalars(found))


def vendor_by_slug(session: Session, slug: str) -> Organisation:
    """The vendor of this slug, for the operator's commands. Raises NotFound."""
    found = session.scalar(
        select(Organisation).where(
            Organisation.slug == slug, Organisation.kind == OrganisationKind.VENDOR
        )
    )
    if found is None:
        raise NotFound(_("There is no vendor with the slug %(slug)s.", slug=slug))
    return found


def for_vendor(session: Session, vendor_org_id: UUID) -> list[Shelf]:
    """All kits of a vendor with all their versions, by title."""
    kits = session.scalars(
        select(Kit).where(Kit.tenant_id == vendor_org_id).order_by(Kit.title, Kit.id)
    ).all()
    return [Shelf(kit, versions) for kit in kits if (versions := _versions(session, kit))]


def get_for_vendor(session: Session, vendor_org_id: UUID, kit_slug: str) -> Shelf:
    """One kit of this vendor. Raises NotFound for another's."""
    _require_slug(kit_slug)
    kit = session.scalar(select(Kit).where(Kit.tenant_id == vendor_org_id, Kit.slug == kit_slug))
    versions = _versions(session, kit) if kit else []
    if kit is None or not versions:
        raise NotFound(_("There is no such kit."))
    return Shelf(kit, versions)


def version_for_vendor(
    session: Session, vendor_org_id: UUID, kit_slug: str, semver: str
) -> KitVersion:
    """One version of this vendor's kit. Raises NotFound."""
    shelf = get_for_vendor(session, vendor_org_id, kit_slug)
    found = next((version for version in shelf.versions if version.semver == semver), None)
    if found is None:
        raise NotFound(_("There is no such version of this kit."))
    return found


def reach(session: Session, kit: Kit, today: date, manager_id: UUID | None = None) -> Reach:
    """Partners who may launch the kit today, of all who may launch anything; for the channel
    manager `manager_id`, of those they look after."""
    rows = session.execute(
        select(Tier.key, Partner.partner_type, Organisation.country)
        .select_from(Enrolment)
        .join(Tier, Tier.id == Enrolment.tier_id)
        .join(Partner, Partner.organisation_id == Enrolment.partner_id)
        .join(Organisation, Organisation.id == Enrolment.partner_id)
        .where(Enrolment.tenant_id == kit.tenant_id, Enrolment.state.in_(_AT_WORK))
        .where(looked_after(Enrolment.id, kit.tenant_id, manager_id))
    ).all()
    entitled = entitlement(kit)
    asked = [rules.Asking(tier, kind, country) for tier, kind, country in rows]
    found = [partner for partner in asked if rules.visible(entitled, partner, today).visible]
    return Reach(len(found), len(asked))


def _versions(session: Session, kit: Kit) -> list[KitVersion]:
    found = session.scalars(
        select(KitVersion)
        .where(KitVersion.kit_id == kit.id, KitVersion.tenant_id == kit.tenant_id)
        .options(defer(KitVersion.manifest))
    )
    return sorted(found, key=lambda version: rules.semver(version.semver), reverse=True)


def covers(session: Session, versions: Iterable[KitVersion]) -> dict[UUID, str]:
    """Address path of each version's library picture, by version."""
    wanted = {version.id: content(session, version.id).cover for version in versions}
    rows = session.execute(
        select(KitFile.kit_version_id, KitFile.path, KitFile.sha256).where(
            KitFile.kit_version_id.in_(wanted)
        )
    )
    return {
        version_id: image_path(path, sha256)
        for version_id, path, sha256 in rows
        if wanted[version_id] == path
    }


def image_path(path: str, sha256: str) -> str:
    """Where an image of a published kit is served, below the base address."""
    return f"/k/{sha256}.{extension(path)}"

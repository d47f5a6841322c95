"""Kits that end soon: one mail to each of the vendor's kit owners, listing all of them.

Told once at 30 days and once at 7 for each version; a second sweep, or another worker's at the same
moment, finds the mark set and says nothing.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.i18n import day, ngettext, speaking
from tpma.core.i18n import gettext as _
from tpma.identity import queries as identity
from tpma.identity.models import Organisation, OrganisationStatus, User, UserStatus
from tpma.identity.rules import allowed
from tpma.kits import dates, rules
from tpma.kits.dates import Ending
from tpma.kits.models import Kit, KitReminder
from tpma.partners.models import Vendor


def remind(session: Session, base_url: str) -> int:
    """Tell every vendor whose kits have reached a mark; how many vendors were told."""
    today = clock_of(session)().date()  # a vendor's own day is at most one away
    soon = (today - timedelta(days=1), today + timedelta(days=max(rules.MARKS) + 1))
    vendors = session.scalars(
        select(Kit.tenant_id)
        .join(Organisation, Organisation.id == Kit.tenant_id)
        .where(Kit.retires_on.between(*soon), Organisation.status == OrganisationStatus.ACTIVE)
        .distinct()
        .order_by(Kit.tenant_id)
    ).all()
    return sum(_remind(session, vendor_id, base_url) for vendor_id in vendors)


def _remind(session: Session, vendor_id: UUID, base_url: str) -> bool:
    # Whoever sweeps second waits here and then finds the marks.
    session.execute(select(Vendor.id).where(Vendor.organisation_id == vendor_id).with_for_update())
    found = dates.ending(session, vendor_id)
    marks = _new_marks(session, vendor_id, found)
    if not marks:
        return False
    session.add_all(marks)
    session.flush()
    for reader in owners(session, vendor_id):
        _digest(session, vendor_id, found, reader, f"{marks[0].id}", base_url)
    return True


def _new_marks(session: Session, vendor_id: UUID, found: Sequence[Ending]) -> list[KitReminder]:
    rows = session.execute(
        select(KitReminder.kit_version_id, KitReminder.days).where(
            KitReminder.tenant_id == vendor_id,
            KitReminder.kit_version_id.in_([one.version.id for one in found]),
        )
    )
    told: dict[UUID, set[int]] = {}
    for version_id, mark in rows:
        told.setdefault(version_id, set()).add(mark)
    return [
        KitReminder(tenant_id=vendor_id, kit_version_id=one.version.id, days=mark)
        for one in found
        for mark in sorted(rules.marks_reached(one.days_left, told.get(one.version.id, ())))
    ]


def owners(session: Session, vendor_id: UUID) -> list[User]:
    """Who publishes the vendor's kits, and so answers for them."""
    return [
        member.user
        for member in identity.members(session, vendor_id)
        if not member.pending
        and member.user.status is UserStatus.ACTIVE
        and "kits.publish" in allowed(member.roles)
    ]


def _digest(
    session: Session,
    vendor_id: UUID,
    found: Sequence[Ending],
    reader: User,
    cause: str,
    base_url: str,
) -> None:
    with speaking(reader.locale, reader.timezone):
        subject = ngettext(
            "%(num)s kit ends within 30 days: %(first)s",
            "%(num)s kits end within 30 days, first %(first)s",
            len(found),
            first=found[0].kit.title,
        )
        body = "\n\n".join(
            [
                _(
                    "After its last day a kit can no longer be launched, mails that have not left "
                    "stay here, and its landing pages say that they are closed."
                ),
                *(_entry(one, base_url) for one in found),
                _("All kits and their last days:"),
                f"{base_url}/studio/kits/",
            ]
        )
    key = f"kits.ending:{cause}:{reader.id.hex}"
    jobs.enqueue(
        session,
        "sending.notice",
        clock_of(session)(),
        key=key,
        tenant_id=str(vendor_id),
        cause=key,
        recipient=reader.email,
        subject=subject[:200],
        body=body,
        locale=reader.locale,
    )


def _entry(one: Ending, base_url: str) -> str:
    page = f"{base_url}/studio/kits/{one.kit.slug}/dates"
    return "\n".join(
        [
            _(
                "%(title)s (%(key)s %(semver)s): last day %(day)s, %(left)s",
                title=one.kit.title,
                key=one.kit.key,
                semver=one.version.semver,
                day=day(one.last_day, "long"),
                left=left_words(one.days_left),
            ),
            _("Renew: %(link)s", link=page),
            _("Replace by a new version: %(link)s", link=f"{base_url}/studio/kits/upload"),
            _("Archive: %(link)s", link=f"{page}#archive"),
        ]
    )


def left_words(days: int) -> str:
    if days == 0:
        return _("today")
    return ngettext("%(num)s day left", "%(num)s days left", days)

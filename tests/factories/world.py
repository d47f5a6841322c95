"""Two vendors and two partners with something of everything: to walk through, and to migrate.

Brightline sells for Helio; Kestrel sells for Helio and for Nimbus. So Helio has two partners,
Kestrel two vendors, and every one of them has something another must not see.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import (
    audiences,
    branding,
    deals,
    identity,
    launches,
    leads,
    pages,
    sending,
    tracking,
)
from tests.factories.base import bind, save
from tests.factories.partners import enrolment, partner, programme, vendor
from tpma.audiences import importing, suppressing
from tpma.audiences.domains import Owner
from tpma.audiences.models import SuppressionReason, SuppressionScope
from tpma.branding.models import CoBrandedKit, CoBrandedKitState
from tpma.identity.models import Membership, Organisation, OrganisationKind
from tpma.identity.rules import ROLE_TABLE
from tpma.jobs import Job, enqueue
from tpma.kits.models import Kit, KitVersion
from tpma.launches import service as drafts
from tpma.launches.models import Launch
from tpma.leads.models import LeadState
from tpma.pages.models import LandingPage
from tpma.partners.models import Enrolment
from tpma.sending.models import OutboxMail
from tpma.system import System
from tpma.worker.loop import settle

Ids = dict[str, Any]  # name of a part of an address → what stands there


@dataclass
class Place:
    """A partner's place with one vendor, and the names of what is there."""

    enrolment: Enrolment
    vendor: Organisation
    partner: Organisation
    launch: Launch
    own: Launch  # sent by the partner's own mailer
    ids: Ids = field(default_factory=dict)


@dataclass
class World:
    places: list[Place]
    members: list[tuple[Membership, Enrolment | None]]  # every role of every organisation
    platform: Ids  # what only the operator sees


def build(system: System) -> World:
    """Build it, let the mails go out, and say what everything is called."""
    with system.db.transaction() as session:
        bind(session)
        places = _places()
        members = _members(places)
    settle(system)
    with system.db.transaction() as session:
        bind(session)
        for place in places:
            place.ids = _after_the_mails(session, system, place)
        platform = _platform(session, members)
    return World(places, members, platform)


def _places() -> list[Place]:
    helio, nimbus = vendor().organisation, vendor().organisation
    brightline, kestrel = partner().organisation, partner().organisation
    for company in (brightline, kestrel):
        branding.ready_brand(company)
    helios = programme(helio)
    return [
        _place(helio, enrolment(helios, brightline), semver="1.0.0"),
        _place(helio, enrolment(helios, kestrel), semver="1.0.1"),
        _place(nimbus, enrolment(programme(nimbus), kestrel), key="NIM", slug="nimbus-kit"),
    ]


def _place(company: Organisation, enrolled: Enrolment, **content: str) -> Place:
    made = launches.scheduled_launch(enrolled, contacts=2, content=content)
    own = launches.scheduled_launch(enrolled, contacts=0, content=content, own_mailer=True)
    return Place(enrolled, company, enrolled.partner, made, own)


def _members(places: list[Place]) -> list[tuple[Membership, Enrolment | None]]:
    """Every role of every organisation; a partner's at each of its places."""
    found: list[tuple[Membership, Enrolment | None]] = []
    vendors = {place.vendor.id: place.vendor for place in places}
    for code, role in ROLE_TABLE.items():
        if role.kind is OrganisationKind.VENDOR:
            found += [(identity.membership(one, code), None) for one in vendors.values()]
        elif role.kind is OrganisationKind.PARTNER:
            found += [(identity.membership(p.partner, code), p.enrolment) for p in places]
    return [*found, (identity.operator(), None)]


def _after_the_mails(session: Session, system: System, place: Place) -> Ids:
    launch = session.get_one(Launch, place.launch.id)
    page = session.scalars(select(LandingPage).where(LandingPage.launch_id == launch.id)).first()
    page = page or pages.page(launch, ("en",))
    draft = drafts.create(
        session, identity.actor(identity.membership(place.partner, "PA"), place.enrolment),
        place.enrolment, session.get_one(KitVersion, launch.kit_version_id),
    )  # fmt: skip
    waiting = leads.lead(launch, page)
    lead = leads.lead(launch, page, state=LeadState.ACCEPTED, accepted_at=launch.created_at)
    deal = deals.deal(lead, deals.partner_actor(place.enrolment))
    tracking.event(launch)
    mail = session.scalars(select(OutboxMail).where(OutboxMail.launch_id == launch.id)).first()
    assert mail is not None
    version = session.get_one(KitVersion, launch.kit_version_id)
    kit = session.get_one(Kit, version.kit_id)
    return {
        "launch_id": launch.id,
        "draft_id": draft.id,
        "own_launch_id": place.own.id,
        "code": launch.campaign_code,
        "lead_id": waiting.id,
        "deal_id": deal.id,
        "cost_id": deals.cost(launch, 5_000).id,
        "mail_id": mail.id,
        "kit_slug": kit.slug,
        "semver": version.semver,
        "enrolment_id": place.enrolment.id,
        "cobranded_id": _in_review(session, launch).id,
        "page": (page.slug, "en"),
    } | _audience(session, system, place)


def _in_review(session: Session, launch: Launch) -> CoBrandedKit:
    found = session.get_one(CoBrandedKit, launch.cobranded_kit_id)
    found.state = CoBrandedKitState.PENDING_APPROVAL
    found.submitted_at = launch.created_at
    session.flush()
    return found


def _audience(session: Session, system: System, place: Place) -> Ids:
    company = place.partner
    contact = audiences.mailable_contact(company, tags=["customer"])
    gone = "gone@reader.example"
    suppression = suppressing.suppress(
        session, audiences.SIGNER, company.id, gone, SuppressionReason.MANUAL, "by hand"
    )
    owner = Owner(company.id, SuppressionScope.PARTNER)
    domain = audiences.suppressed_domain(owner, f"a{place.enrolment.id.hex}.example")
    blocklist = audiences.blocklist(system, owner, "a@out.example\nnonsense")
    vendors = Owner(place.vendor.id, SuppressionScope.VENDOR)
    vendors_domain = audiences.suppressed_domain(vendors, f"b{place.enrolment.id.hex}.example")
    vendors_list = audiences.blocklist(system, vendors, "b@out.example\nnonsense")
    file = audiences.csv_file([["E-mail", "Name"], ["ada@h.example", "Ada"], ["x", "Bad"]])
    folder = importing.folder_in(system.settings.home)
    received = importing.receive(file, "list.csv", folder, 10**6)
    member = identity.membership(company, "PM")
    found = importing.upload(session, identity.actor(member, place.enrolment), company.id, received)
    mailing = sending.domain(company, f"c{place.enrolment.id.hex}.example")
    sending.link_host(mailing, f"links.{mailing.domain}")
    return {
        "sending_domain_id": mailing.id,
        "contact_id": contact.id,
        "segment_id": audiences.segment(company, f"For {place.vendor.trading_name}").id,
        "suppression_id": suppression.id,
        "domain_id": domain.id,
        "list_id": blocklist.id,
        "vendors_domain_id": vendors_domain.id,
        "vendors_list_id": vendors_list.id,
        "import_id": found.id,
        "membership_id": member.id,
        "organisation_id": company.id,
    }


def _platform(session: Session, members: list[tuple[Membership, Enrolment | None]]) -> Ids:
    operator = members[-1][0]
    dead = Job(
        name="test.gone", payload={}, run_at=operator.created_at, dead_at=operator.created_at
    )
    save(dead)
    enqueue(session, "test.kept", operator.created_at)
    company = operator.organisation
    return {"job_id": dead.id, "organisation_id": company.id, "membership_id": operator.id}

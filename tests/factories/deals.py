"""From a vendor and a partner to a campaign with mails, forms, leads, deals and costs."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.factories.base import bound, save
from tpma.branding.models import BrandProfile, CoBrandedKit
from tpma.core.db import clock_of
from tpma.core.money import Money
from tpma.deals import desk, service
from tpma.deals.drafts import Answers
from tpma.deals.models import DealRegistration
from tpma.identity.models import Membership, Organisation, OrganisationKind, User, UserStatus
from tpma.identity.rules import Actor, first_sight
from tpma.kits.models import Kit, KitVersion, KitVersionState
from tpma.launches import codes
from tpma.launches.models import CostEntry, CostFunder, Launch, LaunchState
from tpma.leads.models import Lead, LeadState
from tpma.pages.models import FormSubmission, LandingPage, PageState, SubmissionState
from tpma.partners.models import Enrolment, Partner, PartnerType, Programme, Tier, Vendor
from tpma.sending.models import DeliveryFact, FactKind, Message, SendState
from tpma.tracking import counting
from tpma.tracking.models import EventType, TrackingEvent, Verdict

_made = 0


def number() -> int:
    global _made
    _made += 1
    return _made


def organisation(kind: OrganisationKind, name: str = "", **changes: Any) -> Organisation:
    n = number()
    values: dict[str, Any] = {
        "kind": kind,
        "legal_name": f"{name or f'Company {n}'} Inc.",
        "trading_name": name or f"Company {n}",
        "slug": f"deals-company-{n}",
        "country": "US",
        "default_locale": "en-US",
        "timezone": "America/New_York",
        "base_currency": "USD",
    }
    return save(Organisation(**values | changes))


def vendor(name: str = "", **changes: Any) -> Organisation:
    made = organisation(OrganisationKind.VENDOR, name, **changes)
    n = number()
    letters = "".join(chr(65 + n // 26**place % 26) for place in (2, 1, 0))
    save(Vendor(organisation_id=made.id, code_prefix=f"V{letters}"))
    return made


def enrolment(owner: Organisation, name: str = "", **changes: Any) -> Enrolment:
    """A gold partner of this vendor; `partner` takes columns of its organisation."""
    partner = organisation(OrganisationKind.PARTNER, name, **changes.pop("partner", {}))
    save(Partner(organisation_id=partner.id, partner_type=PartnerType.VAR))
    programme = save(Programme(tenant_id=owner.id, name="Partners", slug=partner.slug))
    days = changes.pop("protection_days", 90)
    tier = Tier(
        tenant_id=owner.id, programme_id=programme.id, key="gold", rank=3, protection_days=days
    )
    save(tier)
    values: dict[str, Any] = {
        "tenant_id": owner.id,
        "partner_id": partner.id,
        "programme_id": programme.id,
        "tier_id": tier.id,
        "agreement_signed_on": date(2026, 1, 5),
    }
    return save(Enrolment(**values | changes))


def user(name: str = "Dana Whitfield", **changes: Any) -> User:
    address = f"person{number()}@staff.example"
    values: dict[str, Any] = {
        "email": address,
        "email_norm": address,
        "name": name,
        "locale": "en",
        "timezone": "America/New_York",
        "status": UserStatus.ACTIVE,
    }
    return save(User(**values | changes))


def member(company: Organisation, *roles: str, person: User | None = None) -> Membership:
    who = person or user()
    return save(
        Membership(
            user_id=who.id,
            organisation_id=company.id,
            roles=list(roles),
            sight=first_sight(roles),
        )
    )


def partner_actor(enrolled: Enrolment, *roles: str) -> Actor:
    """Somebody of the partner, at work with this vendor; sales unless said."""
    company = bound().get_one(Organisation, enrolled.partner_id)
    membership = member(company, *(roles or ("PS",)))
    return Actor(
        user_id=membership.user_id,
        organisation_id=company.id,
        kind=OrganisationKind.PARTNER,
        roles=tuple(membership.roles),
        membership_id=membership.id,
        enrolment_id=enrolled.id,
        vendor_id=enrolled.tenant_id,
        name="Dana Whitfield",
        timezone="America/New_York",
        organisation_name=company.trading_name,
    )


def vendor_actor(company: Organisation, *roles: str) -> Actor:
    """Somebody of the vendor; the deal desk unless said."""
    membership = member(company, *(roles or ("DD",)))
    return Actor(
        user_id=membership.user_id,
        organisation_id=company.id,
        kind=OrganisationKind.VENDOR,
        roles=tuple(membership.roles),
        membership_id=membership.id,
        name="Maya Okafor",
        organisation_name=company.trading_name,
        sight=membership.sight,
    )


def signed_in(client: Any, actor: Actor) -> Any:
    """The client with this person's cookie."""
    with client.session_transaction() as cookie:
        cookie["_user_id"] = f"{actor.user_id}.1"
        cookie["_fresh"] = True
        cookie["membership"] = str(actor.membership_id)
        cookie["enrolment"] = str(actor.enrolment_id or "")
    return client


def kit(owner: Organisation, **changes: Any) -> KitVersion:
    n = number()
    values: dict[str, Any] = {
        "tenant_id": owner.id,
        "key": f"K{n}"[:6],
        "slug": f"secure-edge-{n}",
        "title": "Secure Edge",
        "summary": "Show what is open at the edge.",
        "motion": "demand",
        "product_families": ["security"],
        "entitled_tiers": [],
        "entitled_types": [],
        "territories_allow": [],
        "territories_deny": [],
    }
    made = save(Kit(**values | changes))
    version = KitVersion(
        tenant_id=owner.id,
        kit_id=made.id,
        semver="1.0.0",
        content_hash="0" * 64,
        manifest={},
        state=KitVersionState.PUBLISHED,
        published_at=clock_of(bound())(),
    )
    return save(version)


def brand(enrolled: Enrolment) -> BrandProfile:
    return save(BrandProfile(tenant_id=enrolled.partner_id, name="Brightline", primary="#0057B8"))


def launch(enrolled: Enrolment, version: KitVersion | None = None, **changes: Any) -> Launch:
    owner = bound().get_one(Organisation, enrolled.tenant_id)
    shown = version or kit(owner)
    brands = bound().query(BrandProfile).filter_by(tenant_id=enrolled.partner_id).all()
    worn = brands[0] if brands else brand(enrolled)
    cobranded = CoBrandedKit(
        tenant_id=enrolled.partner_id,
        enrolment_id=enrolled.id,
        kit_version_id=shown.id,
        brand_id=worn.id,
    )
    already = bound().query(CoBrandedKit).filter_by(kit_version_id=shown.id, brand_id=worn.id)
    dressed = already.first() or save(cobranded)
    now = clock_of(bound())()
    values: dict[str, Any] = {
        "tenant_id": enrolled.partner_id,
        "vendor_id": enrolled.tenant_id,
        "enrolment_id": enrolled.id,
        "kit_version_id": shown.id,
        "cobranded_kit_id": dressed.id,
        "campaign_code": codes.mint("HC", "SEC"),
        "page_slug": f"run-{number()}",
        "name": "Secure Edge",
        "state": LaunchState.COLLECTING,
        "primary_locale": "en-US",
        "currency": "USD",
        "timezone": "America/New_York",
        "started_at": now,
        "ends_at": now + timedelta(days=30),
    }
    return save(Launch(**values | changes))


def mails(run: Launch, count: int, *, delivered: int = 0, **changes: Any) -> list[Message]:
    """`count` accepted mails of one step, the first `delivered` of them with the fact."""
    now = clock_of(bound())()
    made = []
    for seq in range(count):
        values: dict[str, Any] = {
            "tenant_id": run.tenant_id,
            "launch_id": run.id,
            "step": 1,
            "seq": seq,
            "rcpt_key": uuid4().bytes,
            "locale": "en-US",
            "send_state": SendState.ACCEPTED,
            "accepted_at": now,
        }
        made.append(Message(**values | changes))
    bound().add_all(made)
    bound().flush()
    for message in made[:delivered]:
        bound().add(DeliveryFact(message_id=message.id, kind=FactKind.DELIVERED, at=now))
    bound().flush()
    return made


def event(message: Message, kind: EventType = EventType.CLICK, **changes: Any) -> TrackingEvent:
    run = bound().get_one(Launch, message.launch_id)
    values: dict[str, Any] = {
        "tenant_id": run.tenant_id,
        "launch_id": run.id,
        "campaign_code": run.campaign_code,
        "type": kind,
        "message_id": message.id,
        "occurred_at": clock_of(bound())(),
        "verdict": Verdict.HUMAN,
    }
    made = save(TrackingEvent(**values | changes))
    counting.rebuild(bound(), [made.launch_id])
    return made


def page(run: Launch) -> LandingPage:
    found = bound().query(LandingPage).filter_by(launch_id=run.id).first()
    return found or save(
        LandingPage(
            tenant_id=run.tenant_id,
            launch_id=run.id,
            slug=f"page-{number()}",
            state=PageState.LIVE,
        )
    )


def submission(run: Launch, **changes: Any) -> FormSubmission:
    values: dict[str, Any] = {
        "tenant_id": run.tenant_id,
        "launch_id": run.id,
        "landing_page_id": page(run).id,
        "campaign_code": run.campaign_code,
        "locale": "en-US",
        "payload": {},
        "consents": {},
        "idempotency_key": uuid4().hex,
        "state": SubmissionState.ACCEPTED,
    }
    return save(FormSubmission(**values | changes))


def lead(run: Launch, **changes: Any) -> Lead:
    """Somebody who sent the form of this launch; accepted, so that it can be registered."""
    n = number()
    now = clock_of(bound())()
    values: dict[str, Any] = {
        "tenant_id": run.tenant_id,
        "vendor_id": run.vendor_id,
        "enrolment_id": run.enrolment_id,
        "launch_id": run.id,
        "campaign_code": run.campaign_code,
        "submission_id": submission(run).id,
        "given_name": "Priya",
        "family_name": "Raman",
        "email": f"priya{n}@harborpoint{n}.example",
        "email_norm": f"priya{n}@harborpoint{n}.example",
        "title": "IT director",
        "company": "Harbor Point Health",
        "company_domain": f"harborpoint{n}.example",
        "country": "US",
        "language": "en-US",
        "state": LeadState.ACCEPTED,
        "accepted_at": now,
        "due_at": now + timedelta(days=2),
    }
    return save(Lead(**values | changes))


def answers(**changes: Any) -> Answers:
    values: dict[str, Any] = {
        "value": Money(1_400_000, "USD"),
        "expected_close": date(2026, 9, 30),
        "note": "Call with the IT director: eleven clinics, decision in May.",
    }
    return Answers(**values | changes)


def deal(asker: Lead, by: Actor | None = None, **changes: Any) -> DealRegistration:
    """A submitted registration of this lead."""
    enrolled = bound().get_one(Enrolment, asker.enrolment_id)
    run = bound().get_one(Launch, asker.launch_id)
    changes.setdefault("value", Money(1_400_000, run.currency))
    return service.register(bound(), by or partner_actor(enrolled), asker.id, answers(**changes))


def approved(asker: Lead, by: Actor | None = None, **changes: Any) -> DealRegistration:
    made = deal(asker, by, **changes)
    desk.approve(bound(), vendor_actor(bound().get_one(Organisation, made.vendor_id)), made)
    return made


def cost(run: Launch, minor: int, **changes: Any) -> CostEntry:
    values: dict[str, Any] = {
        "tenant_id": run.tenant_id,
        "launch_id": run.id,
        "category": "media",
        "amount_minor": minor,
        "currency": run.currency,
        "incurred_on": date(2026, 3, 1),
        "funded_by": CostFunder.PARTNER,
    }
    return save(CostEntry(**values | changes))


def at(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[arg-type]


def some_id() -> UUID:
    return uuid4()

"""Launches: a partner with a ready brand, readers who agreed, a published kit, a campaign code."""

from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from tests.factories import branding, kits
from tests.factories.base import bound, save
from tests.factories.identity import actor, membership
from tests.factories.kept import kept
from tests.factories.partners import enrolment, partner, programme, vendor
from tests.fakes import FakeMail, FakePdf
from tpma.audiences import service as audiences
from tpma.audiences.models import ConsentBasis, ConsentPurpose, ConsentState, Contact
from tpma.branding import service as brands
from tpma.branding.models import LogoVariant
from tpma.core.db import Database, clock_of
from tpma.core.settings import Settings
from tpma.core.signing import Signer
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.launches import service
from tpma.launches.models import Launch
from tpma.partners.models import Enrolment
from tpma.sending import gate, gathering
from tpma.sending import service as sending
from tpma.sending.models import GateMark, MarkKind
from tpma.system import System
from tpma.tracking.reader import BROWSER
from tpma.tracking.rules import Visit

SIGNER = Signer("test-secret")  # the one of the `system` fixture
_number = count(1)


def contact(company: Organisation, *, consent: bool = True, **given: Any) -> Contact:
    """A reader of this partner, who agreed to its mails; `consent=False` for one who did not."""
    number = next(_number)
    known = {
        "email": f"reader{number}@reader.example",
        "given_name": "Ada",
        "family_name": f"Reader{number}",
        "company": "Reader Company",
        "country": "US",
        "locale": "en",
    } | given
    made = audiences.find_or_create_contact(
        bound(), SIGNER, company.id, known.pop("email"), source="import", **known
    )
    if consent:
        agree(made)
    return made


def agree(
    person: Contact,
    basis: ConsentBasis = ConsentBasis.CONSENT,
    state: ConsentState = ConsentState.GRANTED,
) -> None:
    audiences.record_consent(bound(), person, ConsentPurpose.PARTNER_MARKETING, basis, state=state)


@kept
def launch(
    within: Enrolment | None = None, *, contacts: int = 3, mails: int = 1, **given: Any
) -> Launch:
    """A draft with everything filled in, and as many readers; `mails` of the kit (1 or 2).

    `content` are changes of the kit (`deny`, `locales`…); the rest are fields of the launch.
    """
    enrolled = within or _enrolled()
    company = enrolled.partner
    for _reader in range(contacts):
        contact(company)
    changes = given.pop("content", {})
    version = kits.kit_version(enrolled.vendor, **{"assets": _assets(mails)} | changes)
    made = service.create(bound(), actor(member_of(company)), enrolled, version)
    values = {
        "goal_leads": 5,
        "planned_cost_minor": 40_000,
        "from_name": "Dana Whitfield",
        "reply_to": "dana@brightline.example",
    } | given
    for name, value in values.items():
        setattr(made, name, value)
    bound().flush()
    return made


def _enrolled() -> Enrolment:
    company = partner(default_locale="en").organisation
    made = enrolment(programme(vendor().organisation), company)
    _brand(company)
    return made


_LOGO = branding.png()  # unlike an SVG it needs no process of its own to be drawn


def _brand(company: Organisation) -> None:
    brands.save_company(bound(), company.id, branding.COMPANY)
    brands.save_logo(bound(), company.id, LogoVariant.PRIMARY, _LOGO)
    brands.save_profile(bound(), company.id, branding.PROFILE)


def _assets(mails: int) -> tuple[Any, ...]:
    whole = kits.kit_content().assets
    return tuple(asset for asset in whole if mails > 1 or asset.key != "email2")


def member_of(company: Organisation) -> Any:
    """The one person of the company who launches."""
    return membership(company, "PA")


@kept
def scheduled_launch(
    within: Enrolment | None = None, *, contacts: int = 3, mails: int = 1, **given: Any
) -> Launch:
    """Checked, frozen, planned and scheduled through the real service; due at once."""
    made = launch(within, contacts=contacts, mails=mails, **given)
    schedule(made)
    return made


def schedule(made: Launch) -> None:
    company = bound().get_one(Organisation, made.tenant_id)
    who = actor(member_of(company))
    proven(made, who)
    sending.launch(bound(), _system(), who, made)


def proven(made: Launch, who: Actor) -> None:
    """This person has had the proof of exactly this launch; no mail of it is made here."""
    parts = gathering.parts(bound(), _system(), made)
    save(
        GateMark(
            tenant_id=made.tenant_id,
            launch_id=made.id,
            gate_hash=gate.fingerprint(parts),
            kind=MarkKind.PROOF,
            user_id=who.user_id,
        )
    )


@kept
def running_launch(within: Enrolment | None = None, **given: Any) -> Launch:
    """Started, its first mail queued: what a worker meets."""
    made = scheduled_launch(within, **given)
    service.start(bound(), made)
    sending.queue_step(bound(), made, 1, clock_of(bound())())
    return made


def _system() -> System:
    """What a check of a launch looks at; it opens no transaction of its own."""
    settings = Settings(home=Path("/nonexistent"), secret_key="test-secret")
    return System(
        db=_nowhere(),
        mail=FakeMail(leaves=False),
        pdf=FakePdf(),
        signer=SIGNER,
        settings=settings,
        clock=clock_of(bound()),
    )


@cache
def _nowhere() -> Database:
    return Database("sqlite://")


def visit(at: datetime, agent: str = BROWSER) -> Visit:
    """A request by a person's browser."""
    return Visit(at=at, agent=agent)

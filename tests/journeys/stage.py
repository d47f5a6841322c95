"""A vendor with its shipped kits, and a partner that was invited or is at work."""

import re
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from sqlalchemy import select

from tpma.cli import demo_cast as cast
from tpma.cli import demo_story as story
from tpma.identity.models import User
from tpma.partners import invitations
from tpma.partners import queries as partners
from tpma.partners.companies import Company
from tpma.partners.invitations import Invitation
from tpma.partners.models import PartnerType
from tpma.sending.models import Notice, OutboxMail
from tpma.system import System
from tpma.worker.loop import settle

PASSWORD = "a long pässword"


def silent(_line: str) -> None:
    """The story's narrator, not listened to."""


def helio_with_kits(system: System) -> None:
    cast.set_up(system)
    story.publish_kits(system, silent)


def invite(system: System) -> str:
    """Invite a new partner from Ohio; the link that stands in its mail."""
    with system.db.transaction() as session:
        who = cast.actor(session, cast.HELIO[0][0])
        programme = partners.first_programme(session, who.organisation_id)
        company = Company(
            legal_name="Northlight Systems, Inc.",
            trading_name="Northlight Systems",
            country="US",
            default_locale="en-US",
            address_line1="12 Canal Street",
            city="Dayton",
            region="OH",
            postal_code="45402",
            website="https://northlight.example",
            email="hello@northlight.example",
        )
        invitation = Invitation(
            company=company,
            name="Rosa Lindqvist",
            email="rosa@northlight.example",
            partner_type=PartnerType.VAR,
            tier="gold",
            territories=["US"],
            product_families=["security", "cloud", "backup"],
        )
        invitations.invite_partner(session, who, programme, invitation, system.settings.base_url)
    settle(system)
    return link_in_mail(system, "rosa@northlight.example")


def link_in_mail(system: System, address: str) -> str:
    """The first link of the newest notice to an address, read from the outbox file."""
    with system.db.reading() as session:
        name = session.scalars(
            select(OutboxMail.provider_id)
            .join(Notice, Notice.id == OutboxMail.notice_id)
            .where(OutboxMail.recipient == address)
            .order_by(OutboxMail.id.desc())
            .limit(1)
        ).one()
    raw = system.mail.stored(name)
    assert raw is not None
    body = message_from_bytes(raw, policy=default).get_body(("plain",))
    assert body is not None
    found = re.search(r"https?://\S+", body.get_content())
    assert found is not None
    return found.group()


def user_id(system: System, email: str) -> object:
    with system.db.reading() as session:
        return session.scalars(select(User.id).where(User.email_norm == email)).one()


def contact_list(folder: Path) -> Path:
    path = folder / "customers.csv"
    path.write_text(
        "Email,First name,Last name,Company,Country,Language\n"
        "priya.raman@harborpoint.example,Priya,Raman,Harbor Point Health,US,en\n"
        "tom.mercer@lakeview.example,Tom,Mercer,Lakeview Clinics,US,en\n"
        "aisha.obi@tricounty.example,Aisha,Obi,Tri-County Water,US,en\n"
    )
    return path


def logo(folder: Path) -> Path:
    path = folder / "logo.svg"
    path.write_bytes(cast.art("logo-brightline.svg"))
    return path

"""The demo's story: one campaign from a published kit to a registered deal, through real doors.

What recipients and visitors do goes over HTTP to the same application that `tpma serve` runs.
Each step looks whether it was done before, so an interrupted demo goes on where it stopped.
"""

import io
import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.app import create_app
from tpma.audiences import importing, staging
from tpma.audiences.models import Contact
from tpma.branding import pictures
from tpma.cli import demo_cast as cast
from tpma.cli import demo_readers as readers
from tpma.cli.demo_readers import Say
from tpma.core.db import clock_of
from tpma.core.errors import Conflict
from tpma.core.i18n import money
from tpma.core.money import Money, from_major
from tpma.core.paths import kits_folder
from tpma.deals import desk
from tpma.deals import service as deals
from tpma.deals.drafts import Answers
from tpma.deals.models import DealRegistration, DealState
from tpma.identity.rules import Actor
from tpma.kits import check as kit_check
from tpma.kits import queries as kits
from tpma.kits import service as kit_service
from tpma.launches import compiling, previews
from tpma.launches import service as launches
from tpma.launches.models import CostEntry, Launch, LaunchState
from tpma.leads import service as leads
from tpma.leads.models import Lead, LeadState
from tpma.measurement import metrics
from tpma.measurement import queries as measurement
from tpma.measurement import service as costs
from tpma.measurement.tally import of_partner
from tpma.partners import queries as partners
from tpma.sending import marks
from tpma.sending import service as sending
from tpma.sending.models import OPEN_STATES, Message, OutboxMail, SendState
from tpma.system import System
from tpma.worker.loop import settle

KIT = "secure-edge"


@dataclass
class Outcome:
    """What the story brought; printed as JSON by `tpma demo --once --json`."""

    kits: list[str] = field(default_factory=list)
    launch_code: str = ""
    accepted: int = 0
    clicks: int = 0
    leads: int = 0
    deal: dict[str, str] = field(default_factory=dict)
    cost: str = ""
    cost_per_lead: str = ""
    pipeline_to_spend: str = ""
    eml: str = ""
    pdf: str = ""
    report: str = ""


def play(system: System, say: Say) -> Outcome:
    """The whole story. Raises TpmaError at the step that failed."""
    outcome = Outcome()
    say("Vendor, programme, partners and people")
    cast.set_up(system)
    outcome.kits = publish_kits(system, say)
    say("Contact lists of the four partners: CSV in four encodings, read as they are")
    for one in cast.CAST:
        import_contacts(system, one, say)
    launch_id = launch_campaign(system, outcome, say)
    readers.visit(system, launch_id, say)
    register_deal(system, launch_id, outcome, say)
    measure(system, launch_id, outcome, say)
    return outcome


def open_campaign(system: System) -> UUID:
    """As far as the first mails, by one partner and with one kit; the launch."""
    cast.set_up(system)
    publish_kits(system, _nothing, only=KIT)
    import_contacts(system, cast.STAR, _nothing)
    return launch_campaign(system, Outcome(), _nothing)


def _nothing(_line: str) -> None:
    """Said to nobody."""


def publish_kits(system: System, say: Say, only: str = "") -> list[str]:
    """Every kit of campaigns_library (or the `only` one), checked first; a kit that is there
    already stays."""
    published = []
    for folder in sorted(file.parent for file in kits_folder().glob(f"{only or '*'}/kit.toml")):
        reading = kit_check.folder(folder)
        with system.db.transaction() as session:
            vendor = cast.organisation(session, cast.VENDOR)
            assert vendor is not None
            version = kit_service.publish_reading(session, vendor.id, reading)
            published.append(f"{version.kit.key} {version.semver}")
            say(
                f"Published {version.kit.title} {version.semver}, "
                f"content {version.content_hash[:12]}"
            )
    return published


def import_contacts(system: System, one: cast.Cast, say: Say) -> None:
    folder = importing.folder_in(system.settings.home)
    with system.db.reading() as session:
        who = cast.actor(session, one.email)
        if session.scalar(select(func.count()).where(Contact.tenant_id == who.organisation_id)):
            return
    name = f"contacts-{one.art}.csv"
    received = importing.receive(io.BytesIO(cast.art(name)), name, folder, 1_000_000)
    with system.db.transaction() as session:
        found = importing.upload(session, who, who.organisation_id, received)
        mapping = {int(number): column for number, column in found.mapping.items()}
        importing.start(
            session,
            who,
            found,
            mapping=mapping,
            basis="soft_opt_in",
            consent_source="Customers, told at the order and in every mail that they can opt out",
        )
        import_id = found.id
    staging.run(system.db, system.signer, folder, import_id)
    with system.db.reading() as session:
        done = importing.import_of(session, who.organisation_id, import_id)
        say(
            f"{one.trading_name}: {done.contacts_added} contacts from {done.encoding}, "
            f"{done.rows_repeated} doubled, {done.rows_bad} refused with a reason"
        )


# --- launch ---------------------------------------------------------------------------------


def launch_campaign(system: System, outcome: Outcome, say: Say) -> UUID:
    """The wizard's five screens by their services, then the worker until all mails are out."""
    launch_id = _draft(system)
    with system.db.reading() as session:
        launch = session.get_one(Launch, launch_id)
        outcome.launch_code = launch.campaign_code
        waiting = launches.is_editable(launch)
    say(f"{cast.STAR.trading_name} co-brands Secure Edge in German under {outcome.launch_code}")
    if waiting:
        _fill_in(system, launch_id)
        with system.db.transaction() as session:
            who = cast.actor(session, cast.STAR.email)
            draft = launches.get(session, who.organisation_id, launch_id)
            checked = sending.check(session, system, draft, who)
            marks.ensure_proof(session, who, draft, checked.gate_hash)
            sending.launch(session, system, who, draft)
        say("Every check is green: launched")
    _until_first_mail_is_out(system, launch_id)
    with system.db.reading() as session:
        launch = session.get_one(Launch, launch_id)
        if launch.state not in {LaunchState.RUNNING, LaunchState.COLLECTING}:
            raise Conflict(f"The launch is {launch.state.value} and should be running.")
        outcome.accepted = _count(session, launch_id, SendState.ACCEPTED)
        outcome.eml = _first_mail(session, system, launch_id)
    say(f"{outcome.accepted} mails accepted; one of them: {outcome.eml}")
    return launch_id


def _until_first_mail_is_out(system: System, launch_id: UUID) -> None:
    """Work until every mail of step 1 is handed over; another worker may be doing it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        settle(system)
        with system.db.reading() as session:
            started = session.get_one(Launch, launch_id).steps_queued > 0
            waiting = sum(_count(session, launch_id, state) for state in OPEN_STATES)
        if started and not waiting:
            return
        time.sleep(0.2)
    raise Conflict("The mails did not leave within a minute.")


def _draft(system: System) -> UUID:
    with system.db.transaction() as session:
        who = cast.actor(session, cast.STAR.email)
        known = session.scalar(
            select(Launch.id)
            .where(Launch.tenant_id == who.organisation_id)
            .order_by(Launch.created_at)
            .limit(1)
        )
        if known is not None:
            return known
        assert who.enrolment_id is not None
        enrolment = partners.own(session, who.organisation_id, who.enrolment_id)
        _kit, version = kits.get_for_partner(session, enrolment, KIT, system.clock().date())
        return launches.create(session, who, enrolment, version).id


def _fill_in(system: System, launch_id: UUID) -> None:
    with system.db.transaction() as session:
        who = cast.actor(session, cast.STAR.email)
        launch = launches.get(session, who.organisation_id, launch_id)
        launches.choose_audience(session, launch, None, accept_fallback=False)
        launches.word(
            session,
            who,
            launch,
            "de",
            {"email1.headline": "Ihre Standorte am Rhein, in zehn Arbeitstagen geprüft"},
        )
        launches.set_goal(launch, 5, Money(3_000_000, "EUR"), Money(120_000, "EUR"))
        launches.set_sender(
            session,
            launch,
            launches.Sender(
                "Jonas Keller, Rheinwerk Systemhaus", cast.STAR.email, None, cast.STAR.timezone
            ),
        )


def _count(session: Session, launch_id: UUID, state: SendState) -> int:
    return (
        session.scalar(
            select(func.count()).where(Message.launch_id == launch_id, Message.send_state == state)
        )
        or 0
    )


def _first_mail(session: Session, system: System, launch_id: UUID) -> str:
    name = session.scalars(
        select(OutboxMail.provider_id)
        .where(OutboxMail.launch_id == launch_id)
        .order_by(OutboxMail.id)
        .limit(1)
    ).one()
    return str(system.settings.outbox_folder / "new" / f"{name}.eml")


# --- lead to deal to report -----------------------------------------------------------------


def register_deal(system: System, launch_id: UUID, outcome: Outcome, say: Say) -> None:
    with system.db.transaction() as session:
        who = cast.actor(session, cast.STAR.email)
        found = session.scalars(
            select(Lead)
            .where(Lead.launch_id == launch_id, Lead.tenant_id == who.organisation_id)
            .order_by(Lead.created_at)
        ).all()
        if not found:
            raise Conflict("The form made no lead.")
        outcome.leads = sum(lead.state is not LeadState.DUPLICATE for lead in found)
        if found[0].state is LeadState.ROUTED:
            leads.accept(session, who, found[0])  # the second waits for whoever looks around
        deal = session.scalar(
            select(DealRegistration).where(DealRegistration.launch_id == launch_id)
        )
        if deal is None:
            deal = _register(session, who, found[0])
            say(f"Registered as {deal.ref}, complete at {deal.complete_at:%H:%M:%S} UTC")
        if deal.state in {DealState.SUBMITTED, DealState.IN_REVIEW}:
            _approve(session, deal)
            say(f"Helio's deal desk approves {deal.ref}: protected until {deal.protected_until}")
        outcome.deal = {"ref": deal.ref, "state": deal.state.value, "code": deal.campaign_code}


def _register(session: Session, who: Actor, lead: Lead) -> DealRegistration:
    return deals.register(
        session,
        who,
        lead.id,
        Answers(
            value=from_major(Decimal(24000), "EUR"),
            expected_close=clock_of(session)().date() + timedelta(days=60),
            note="Gespräch mit der IT-Leitung: sechs Standorte, Budget bestätigt",
        ),
    )


def _approve(session: Session, deal: DealRegistration) -> None:
    judge = cast.actor(session, cast.HELIO[1][0])
    if deal.state is DealState.SUBMITTED:
        desk.take(session, judge, deal)
    desk.approve(session, judge, deal)


def measure(system: System, launch_id: UUID, outcome: Outcome, say: Say) -> None:
    """Enter what it cost; write the data sheet and the report as files, once."""
    folder = system.settings.home / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    with system.db.transaction() as session:
        who = cast.actor(session, cast.STAR.email)
        launch = launches.get(session, who.organisation_id, launch_id)
        known = session.scalar(select(CostEntry.id).where(CostEntry.launch_id == launch_id))
        if known is None:
            costs.add_cost(
                session,
                who,
                launch.campaign_code,
                costs.Cost(
                    category="media",
                    amount=Money(120_000, "EUR"),
                    incurred_on=launches.local(system.clock(), launch.timezone).date(),
                    note="LinkedIn, zwei Wochen",
                ),
            )
    with system.db.reading() as session:
        launch = launches.get(session, who.organisation_id, launch_id)
        outcome.pdf = str(_data_sheet(session, system, launch, folder))
        _figures(session, who, launch, outcome)
    outcome.report = str(_report(system, outcome.launch_code, folder))
    say(
        f"Cost {outcome.cost}, {outcome.leads} leads, {outcome.cost_per_lead} a lead, "
        f"{outcome.pipeline_to_spend} : 1 pipeline to spend"
    )
    say(f"Data sheet: {outcome.pdf}")
    say(f"Report: {outcome.report}")


def _data_sheet(session: Session, system: System, launch: Launch, folder: Path) -> Path:
    path = folder / f"{launch.campaign_code}-datasheet.pdf"
    if path.exists():
        return path
    plan = compiling.drawing(session, launch, system.settings.base_url)
    source = previews.document(session, plan, "datasheet", launch.primary_locale)
    shown = pictures.pictures(session, source.assets, system.settings.base_url)
    path.write_bytes(system.pdf.pdf(source.html, assets=shown))
    return path


def _figures(session: Session, who: Actor, launch: Launch, outcome: Outcome) -> None:
    """The same figures the report page shows, from the same queries."""
    scope = of_partner(who.organisation_id, launch.vendor_id)
    line = measurement.launch_funnel(session, scope, launch.id).line
    outcome.clicks = line.tally.clickers
    outcome.leads = line.tally.leads
    outcome.cost = money(line.spend)
    per_lead = metrics.cost_per(line.spend, line.tally.leads)
    outcome.cost_per_lead = money(per_lead) if per_lead else "n/a"
    ratio = line.ratio
    outcome.pipeline_to_spend = f"{float(ratio):.2f}" if ratio is not None else "n/a"


def _report(system: System, code: str, folder: Path) -> Path:
    """The report as its partner downloads it: signed in, by the page's own button."""
    path = folder / f"{code}-report.pdf"
    if path.exists():
        return path  # and the person may have another password by now
    client = create_app(system).test_client()
    page = client.get("/sign-in?lang=de").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    answers = {"email": cast.STAR.email, "password": system.settings.demo_password}
    client.post("/sign-in", data=answers | {"csrf_token": token[1] if token else ""})
    answer = client.get(f"/portal/reports/{code}.pdf")
    if answer.status_code != 200:
        raise Conflict(f"The report was answered with {answer.status_code}.")
    path.write_bytes(answer.data)
    return path

"""What the gate looks at, read from the database and the mails as they would leave.

Facts of the sending domain, the provider's account, the event feed and the warm-up come from
who knows them (`Outside`); a part nobody fills in is one this transport does not need.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.audiences import queries as audiences
from tpma.audiences.models import Consent, Contact
from tpma.branding import reports
from tpma.branding.models import Customisation
from tpma.core.errors import TpmaError
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.launches import compiling, own_mailer
from tpma.launches.compiling import Drawing
from tpma.launches.models import Launch
from tpma.localization import packs
from tpma.localization.rules import legal_text_locale
from tpma.rendering.facts import Person
from tpma.rendering.mail import MailSkeleton
from tpma.sending import gate, marks, pacing, planning, recipients
from tpma.sending.domains import known as ways_out
from tpma.sending.domains import link_hosts
from tpma.sending.envelopes import From, Recipient, build, paper_of, sender_of
from tpma.sending.facts import (
    AccountFacts,
    DomainFacts,
    Facts,
    FeedFacts,
    FundFacts,
    HostFacts,
    OneClickFacts,
    ReplyFacts,
    Sample,
    WarmupFacts,
)
from tpma.system import System

SAMPLE_SUBJECT = 0  # of a token no message has, so a sample's links lead nowhere


@dataclass(frozen=True, slots=True)
class Outside:
    """What others know of the way out; None where the transport needs none of it."""

    domain: DomainFacts | None = None
    reply: ReplyFacts | None = None
    one_click: OneClickFacts | None = None
    account: AccountFacts | None = None
    feed: FeedFacts | None = None
    warmup: WarmupFacts | None = None
    funds: FundFacts | None = None


def outside(session: Session, system: System, launch: Launch) -> Outside:
    """The local outbox needs none of it."""
    sender = sender_of(session, system.settings, launch)
    known = ways_out.of(session, system, launch, sender.address)
    return Outside(domain=known.domain, reply=known.reply, account=known.account)


def parts(session: Session, system: System, launch: Launch) -> dict[str, str]:
    """The hashes of what a report is about: kit, audience, sender. A change of one asks anew.

    Not in it is who of the audience agrees today: people come and go, and are asked for again
    as each mail leaves.
    """
    plan = compiling.drawing(session, launch, "")
    words = session.execute(
        select(
            Customisation.asset, Customisation.slot, Customisation.locale, Customisation.value
        ).where(
            Customisation.cobranded_kit_id == launch.cobranded_kit_id,
            Customisation.tenant_id == launch.tenant_id,
        )
    )
    segment = (
        audiences.segment_of(session, launch.tenant_id, launch.segment_id)
        if launch.segment_id
        else None
    )
    sender = sender_of(session, system.settings, launch)
    links = _own_links(session, system, launch)
    return {
        "kit": gate.fingerprint(
            str(launch.kit_version_id),
            sorted(list(row) for row in words),
            repr((plan.brand, plan.vendor, plan.policy)),
        ),
        "audience": gate.fingerprint(
            str(launch.segment_id),
            segment.definition if segment else {},
            launch.accepted_fallback,
            *(["own mailer"] if launch.own_mailer else []),
        ),
        "sender": gate.fingerprint(launch.from_name, launch.reply_to, sender.address, *links),
    }


def _own_links(session: Session, system: System, launch: Launch) -> list[str]:
    """The partner's own host its links run over, and that its record is gone: before the start
    that asks anew, for no mail shall leave with links that lead nowhere."""
    base = link_hosts.base_of(session, system.settings, launch)
    own = [base] if base != system.settings.base_url else []
    gone = link_hosts.missing(session, system.settings, launch) if own else ""
    return own + ([f"{gone} is gone"] if gone else [])


def facts(
    session: Session, system: System, plan: Drawing, gate_hash: str, who: Actor | None
) -> Facts:
    launch, now = plan.launch, system.clock()
    own = launch.own_mailer
    spoken = {} if own else planning.reader_locales(session, launch)
    known_tags = own_mailer.editions(plan) if own else [tag for tag in spoken if tag]
    wanted = sorted({launch.primary_locale, *known_tags})
    served = {tag: plan.served(tag) for tag in wanted}
    living = {} if own else planning.reader_countries(session, launch)
    countries = {c: n for c, n in living.items() if c}
    people = _of_people(session, launch, now, countries)
    # What is asked of mails to a country concerns those that would go there.
    reached = countries if own else people["consent"].by_country
    lands = [land for land in countries if land in reached and land not in plan.content.deny]
    made = _samples(session, system, plan, [t for t in wanted if served[t]], lands)
    leaves = system.mail.capabilities.leaves_machine
    known = outside(session, system, launch)
    if known.warmup is None:
        known = replace(known, warmup=pacing.warm_up(session, system, launch, people["writable"]))
    return Facts(
        **_of_launch(plan),
        **people,
        **_of_brand(session, plan, lands),
        **{part.name: getattr(known, part.name) for part in fields(known)},
        today=now.date(),
        now=now,
        locales=served,
        readers_by_locale=spoken,
        missing_consents=_missing_consents(plan, served),
        denied_countries={c: n for c, n in countries.items() if c in plan.content.deny},
        compile_faults=tuple(made.faults),
        samples=tuple(made.samples),
        form_codes=made.form_codes,
        leaves_machine=leaves,
        hosts=_hosts(session, system, plan, made.samples) if leaves else None,
        proof=marks.proof(session, launch, gate_hash, who),
        own_mailer=own,
    )


def _of_launch(plan: Drawing) -> dict[str, Any]:
    launch = plan.launch
    return {
        "code": launch.campaign_code,
        "start_at": launch.start_at,
        "ends_at": launch.ends_at,
        "kit_retires": launch.kit_version.kit.retires_on,
        "vendor_zone": launch.enrolment.vendor.timezone,
        "from_name": launch.from_name,
        "reply_to": launch.reply_to,
        "goal_leads": launch.goal_leads,
        "planned_cost_minor": launch.planned_cost_minor,
        "policy": plan.policy,
        "accepted_fallback": launch.accepted_fallback,
        "links": dict.fromkeys(plan.link_numbers, ""),
    }


def _of_people(
    session: Session, launch: Launch, now: datetime, countries: Mapping[str, int]
) -> dict[str, Any]:
    counted = audiences.counts(
        session, launch.tenant_id, launch.segment_id, launch.vendor_id, now=now
    )
    versions = _versions(countries, now.date())
    return {
        "matching": counted.matching,
        "writable": counted.writable,
        "suppressed": counted.suppressed,
        "no_consent": counted.held,
        "vendor_held": counted.vendor_held,
        "not_opted_in": counted.not_opted_in,
        "unlawful": sum(counted.unlawful.values()),
        "opt_in_rule_of": _opt_in_rule_of(session, launch),
        "consent_by_basis": _bases(session, launch),
        "unresolved": planning.unwritable_names(session, launch),
        "consent": recipients.consent(session, launch, now, versions),
        "listed_recipients": recipients.listed(session, launch, now),
        "frequency": recipients.frequency(session, launch, now),
        "addresses": recipients.addresses(session, launch, now),
        "backlog": recipients.backlog(session),
    }


def _of_brand(session: Session, plan: Drawing, lands: list[str]) -> dict[str, Any]:
    launch, company = plan.launch, plan.brand.company
    return {
        "brand": tuple(
            reports.brand_report(session, launch.tenant_id, lands)
            + reports.kit_report(session, launch.cobranded_kit)
        ),
        "cobranded_state": launch.cobranded_kit.state.value,
        "partner_name": company.name,
        "legal_name": company.legal_name,
        "address_line": next(iter(company.address_lines), ""),
        "vendor_name": plan.vendor.company.legal_name,
        "privacy_url": plan.brand.privacy_url,
    }


def _versions(countries: Iterable[str], day: date) -> dict[str, str]:
    """Country → the version of its pack; of an unknown one there is none."""
    known = packs.in_force(day)
    return {land: known[land].version for land in countries if land in known}


def _hosts(session: Session, system: System, plan: Drawing, samples: Iterable[Sample]) -> HostFacts:
    links = [urlsplit(url) for sample in samples for url in gate.body.links_of(sample)]
    own = (system.settings.base_url, plan.facts.base_url, plan.brand.company.website)
    return HostFacts(
        hosts=tuple(sorted({link.hostname or "" for link in links})),
        ours=frozenset({urlsplit(url).hostname or "" for url in own} - {""}),
        insecure=tuple(sorted({link.hostname or "" for link in links if link.scheme != "https"})),
        missing=link_hosts.missing(session, system.settings, plan.launch),
    )


def _opt_in_rule_of(session: Session, launch: Launch) -> tuple[str, ...]:
    companies = [session.get_one(Organisation, launch.tenant_id), launch.enrolment.vendor]
    return tuple(company.trading_name for company in companies if company.opt_in_only)


def _bases(session: Session, launch: Launch) -> dict[str, int]:
    rows = session.execute(
        select(Consent.basis, func.count(func.distinct(Consent.contact_id)))
        .join(Contact, Contact.id == Consent.contact_id)
        .where(*audiences.chosen(session, launch.tenant_id, launch.segment_id))
        .group_by(Consent.basis)
    )
    return {str(row[0]): row[1] for row in rows}


def _missing_consents(plan: Drawing, served: dict[str, str | None]) -> tuple[str, ...]:
    """Locales whose page would need a consent text that may not be shown there."""
    units = [plan.content.units[consent.text] for consent in plan.content.consents]
    return tuple(
        tag
        for tag, by in served.items()
        if by and any(legal_text_locale(unit, tag) is None for unit in units)
    )


@dataclass
class _Made:
    """Every mail in every language as it would leave, and what cannot be made at all."""

    samples: list[Sample]
    faults: list[tuple[str, str]]  # (asset and locale, message)
    form_codes: bool = True


def _samples(
    session: Session,
    system: System,
    plan: Drawing,
    locales: Iterable[str],
    countries: Iterable[str],
) -> _Made:
    made = _Made([], [])
    sender = sender_of(session, system.settings, plan.launch)
    lands = list(countries)
    try:
        compiling.link_targets(plan)
    except TpmaError as fault:
        made.faults.append((_("Links"), fault.message))
    for tag in locales:
        for asset in plan.content.mails:
            try:
                skeleton = compiling.mail(session, plan, asset.key, tag, countries=lands)
                made.samples.append(_sample(system, skeleton, asset.key, tag, sender))
            except TpmaError as fault:
                made.faults.append((f"{asset.key}, {tag}", fault.message))
        try:
            second = compiling.second_mail(session, plan, tag, lands)
            if second is not None:
                made.samples.append(_sample(system, second, second.asset, tag, sender))
        except TpmaError as fault:
            made.faults.append((f"{plan.content.mails[0].key} B, {tag}", fault.message))
        try:
            page = compiling.page(session, plan, tag)
            made.form_codes = made.form_codes and page.frame.code == plan.launch.campaign_code
        except TpmaError as fault:
            made.faults.append((f"{plan.content.page.key}, {tag}", fault.message))
    return made


def _sample(
    system: System, skeleton: MailSkeleton, asset: str, locale: str, sender: From
) -> Sample:
    reader = Person("Ada", "Reader", "Reader Company", "")
    recipient = Recipient(0, 1, 0, locale, 1, UUID(int=0), "reader@reader.example", reader)
    paper = paper_of(sender, system.settings, system.clock())
    token = system.signer.token(SAMPLE_SUBJECT)
    envelope = build(skeleton, recipient, paper, attempt_id=uuid4(), token=token)
    return Sample(
        asset, locale, envelope.raw, skeleton.html(reader, token), skeleton.text(reader, token)
    )

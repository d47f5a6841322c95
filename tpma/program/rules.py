"""What is worth doing next: every reason that there is, ranked, each with its figure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tpma.core.i18n import ago, day, ngettext, number
from tpma.core.i18n import gettext as _
from tpma.program.facts import (
    AskedDeal,
    Draft,
    Facts,
    FittingKit,
    OpenLead,
    Unpriced,
    WaitingLead,
)

SCREENS = 5  # of the launch wizard
SOON = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do: `endpoint` and `values` name the page of `button`."""

    kind: str
    rank: int  # smaller is more urgent
    title: str
    reason: str
    sign: tuple[str, str, str]  # tone, icon, word
    button: str
    endpoint: str
    values: dict[str, Any]
    permission: str


def next_acts(facts: Facts, permissions: Iterable[str], most: int = 3) -> list[Act]:
    """The acts that this person may do, the most urgent first.

    One of each kind comes before a second one of any, so that five leads do not hide a deal.
    """
    allowed = set(permissions)
    ranked = sorted(
        (act for act in _every(facts) if act.permission in allowed), key=lambda act: act.rank
    )
    return _mixed(ranked)[:most]


def _mixed(ranked: list[Act]) -> list[Act]:
    seen: Counter[str] = Counter()
    turns = []
    for act in ranked:
        turns.append((seen[act.kind], act))
        seen[act.kind] += 1
    return [act for _turn, act in sorted(turns, key=lambda pair: pair[0])]


def _every(facts: Facts) -> Iterator[Act]:
    yield from (_answer_deal(deal) for deal in facts.asked)
    yield from (_answer_lead(lead, facts.now) for lead in facts.waiting)
    yield from (_register(lead, facts.protection_days) for lead in facts.ripe)
    yield from _set_up(facts)
    yield from (_finish(draft) for draft in facts.drafts)
    yield from (_run(kit, facts.contacts) for kit in facts.kits)
    yield from (_price(campaign) for campaign in facts.unpriced)


def _answer_deal(deal: AskedDeal) -> Act:
    return Act(
        "answer_deal",
        10,
        _("Answer the question about %(account)s", account=deal.account),
        _(
            "%(vendor)s waits with %(ref)s. Answered within 5 working days, it keeps its place.",
            vendor=deal.vendor,
            ref=deal.ref,
        ),
        ("wa", "message-circle", _("Asked")),
        _("Answer"),
        "deals_portal.show",
        {"deal_id": deal.id},
        "deals.write",
    )


def _answer_lead(lead: WaitingLead, now: datetime) -> Act:
    late, soon = lead.due_at < now, lead.due_at < now + SOON
    return Act(
        "answer_lead",
        20 if late or soon else 33,
        _("Answer %(name)s of %(company)s", name=lead.name, company=lead.company),
        _("Sent the form on %(day)s and expects to hear from you.", day=day(lead.came_at, "long")),
        (
            "ba" if late else "wa" if soon else "go",
            "alarm" if late else "clock",
            _("Late") if late else _("Due %(when)s", when=ago(lead.due_at, now)),
        ),
        _("Answer"),
        "leads_portal.show",
        {"lead_id": lead.id},
        "leads.write",
    )


def _register(lead: OpenLead, days: int) -> Act:
    return Act(
        "register",
        30,
        _("Register %(company)s as a deal", company=lead.company),
        ngettext(
            "You accepted %(name)s on %(day)s. Registering protects the account for %(num)s day.",
            "You accepted %(name)s on %(day)s. Registering protects the account for %(num)s days.",
            days,
            name=lead.name,
            day=day(lead.accepted_at, "long"),
        ),
        ("wa", "shield", _("Not protected")),
        _("Register"),
        "deals_portal.new",
        {"lead_id": lead.id},
        "deals.write",
    )


def _set_up(facts: Facts) -> Iterator[Act]:
    if not facts.brand_ready:
        yield Act(
            "brand",
            35,
            _("Complete the brand profile"),
            _("Mails and pages carry your logo, your colours and the footer your law asks for."),
            ("wa", "palette", _("Needed to launch")),
            _("Complete"),
            "branding_portal.profile",
            {},
            "brand.write",
        )
    if facts.contacts == 0:
        yield Act(
            "contacts",
            36,
            _("Import your contacts"),
            _("A list from your mail tool or CRM as CSV or XLSX. Only you see it, never a vendor."),
            ("go", "address-book", _("0 contacts")),
            _("Import"),
            "audiences_portal.index",
            {},
            "contacts.write",
        )


def _finish(draft: Draft) -> Act:
    left = SCREENS - draft.screen
    return Act(
        "finish",
        50,
        _("Finish the launch of %(name)s", name=draft.name),
        ngettext(
            "Everything you entered is kept. %(num)s screen is left.",
            "Everything you entered is kept. %(num)s screens are left.",
            left,
        )
        if left
        else _("Everything you entered is kept. Only the last check is left."),
        ("", "pencil", _("Screen %(at)s of %(all)s", at=draft.screen, all=SCREENS)),
        _("Go on"),
        "launches_portal.show",
        {"launch_id": draft.id},
        "launch.write",
    )


def _run(kit: FittingKit, contacts: int) -> Act:
    title = (
        ngettext(
            "Launch %(kit)s to your %(num)s contact",
            "Launch %(kit)s to your %(num)s contacts",
            contacts,
            num=number(contacts),
            kit=kit.title,
        )
        if contacts
        else _("Look at %(kit)s", kit=kit.title)
    )
    return Act(
        "run",
        60,
        title,
        _("You have not run it yet. %(why)s", why=kit.why),
        ("vi", "sparkles", _("Fits you")),
        _("Look at it"),
        "kits_portal.show",
        {"kit_slug": kit.slug},
        "launch.write",
    )


def _price(campaign: Unpriced) -> Act:
    return Act(
        "price",
        70,
        _("Enter what %(name)s cost", name=campaign.name),
        ngettext(
            "It brought %(num)s lead. With its costs, the report says what each one cost.",
            "It brought %(num)s leads. With its costs, the report says what each one cost.",
            campaign.leads,
        ),
        ("", "coins", _("No cost yet")),
        _("Enter costs"),
        "measurement_portal.show",
        {"code": campaign.code, "_anchor": "costs"},
        "cost.write",
    )


@dataclass(frozen=True, slots=True)
class FirstStep:
    title: str
    reason: str
    button: str
    endpoint: str
    permission: str
    done: bool


def first_steps(facts: Facts) -> list[FirstStep]:
    """The way of a new partner to its first campaign, in order."""
    return [
        FirstStep(
            _("Put your name on it"),
            _("Logo, colours and the data your country asks for, once for all campaigns."),
            _("Brand profile"),
            "branding_portal.profile",
            "brand.write",
            facts.brand_ready,
        ),
        FirstStep(
            _("Bring your contacts"),
            ngettext(
                "%(num)s contact is here.",
                "%(num)s contacts are here.",
                facts.contacts,
                num=number(facts.contacts),
            )
            if facts.contacts
            else _("A CSV or XLSX from your mail tool or CRM. Only you see it, never a vendor."),
            _("Import"),
            "audiences_portal.index",
            "contacts.write",
            facts.contacts > 0,
        ),
        FirstStep(
            _("Launch a kit"),
            _("Five screens, everything prefilled. Leads and deals come back under one code."),
            _("Choose a kit"),
            "kits_portal.index",
            "launch.write",
            False,
        ),
    ]


def title(facts: Facts, acts: list[Act], first_name: str) -> str:
    """The home's headline: how much there is to do, for whom."""
    if facts.is_new and not facts.drafts:
        left = sum(not step.done for step in first_steps(facts))
        return ngettext(
            "One step to your first campaign, %(name)s",
            "%(num)s steps to your first campaign, %(name)s",
            left,
            name=first_name,
        )
    said = {
        1: _("One thing worth doing, %(name)s", name=first_name),
        2: _("Two things worth doing, %(name)s", name=first_name),
        3: _("Three things worth doing, %(name)s", name=first_name),
    }
    return said.get(len(acts), _("Nothing waits for you, %(name)s", name=first_name))

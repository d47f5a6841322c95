"""Geometry of the charts: numbers for the templates, no markup and no colour."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tpma.core import i18n
from tpma.core.i18n import gettext as _
from tpma.measurement import shown
from tpma.measurement.metrics import rate
from tpma.measurement.queries import Line

WIDTH = 100  # of a bar's box
LEAST = Fraction(1, 2)  # so that one in thousands is still a line


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    count: int | None  # None: not known
    width: str  # of 100, as SVG wants it
    small: str
    tone: str  # v1 mails, c indicative, v3 people


@dataclass(frozen=True, slots=True)
class FunnelChart:
    """Two scales with a visible break: mails above, people below."""

    mails: list[Bar]
    people: list[Bar]
    factor: int  # how many times larger the lower scale is; 1 when there is no break


def funnel(line: Line) -> FunnelChart:
    tally = line.tally
    mails = max(tally.planned, tally.sent)
    if line.own_mailer:
        mails = max(line.own_sent or 0, tally.hits, tally.views)
    people = max(tally.submissions, tally.leads, tally.registered)
    factor = max(1, round(Fraction(mails, people))) if people and mails else 1
    return FunnelChart(_mail_bars(line, mails), _people_bars(line, people), factor)


def _mail_bars(line: Line, whole: int) -> list[Bar]:
    t = line.tally
    if line.own_mailer:
        return _own_bars(line, whole)
    planned = _("of %(planned)s planned", planned=i18n.number(t.planned))
    return [
        _bar(_("Sent"), t.sent, whole, planned if t.planned != t.sent else "", "v1"),
        _bar(
            _("Delivered"),
            t.delivered,
            whole,
            _of(t.delivered, t.sent, _("%(share)s of sent")),
            "v1",
        ),
        _bar(
            _("Opened"),
            t.opened,
            whole,
            _of(t.opened, t.delivered, _("%(share)s, indicative")),
            "c",
        ),
        _bar(
            _("Clicked, human"),
            t.clicked,
            whole,
            _of(t.clicked, t.delivered, _("%(share)s of delivered")),
            "v1",
        ),
    ]


def _own_bars(line: Line, whole: int) -> list[Bar]:
    """Of mails the partner sent itself: what it says, and hits of links that name nobody."""
    t, sent = line.tally, line.own_sent
    told = _("as the partner says") if sent is not None else shown.unknown_sent()
    return [
        Bar(_("Sent"), sent, width_of(sent or 0, whole), told, "v1"),
        _bar(_("Clicks"), t.hits, whole, _("each one, not each person"), "v1"),
        _bar(_("Page views"), t.views, whole, "", "v1"),
    ]


def _people_bars(line: Line, whole: int) -> list[Bar]:
    t = line.tally
    merged = (
        i18n.ngettext("%(num)s duplicate merged", "%(num)s duplicates merged", t.duplicates)
        if t.duplicates
        else ""
    )
    won = shown.money(line.won_amount) if t.won else ""
    return [
        _bar(
            _("Form sent"),
            t.submissions,
            whole,
            _of(t.submissions, t.hits if line.own_mailer else t.clicked, _("%(share)s of clicks")),
            "v3",
        ),
        _bar(_("New leads"), t.leads, whole, merged, "v3"),
        _bar(
            _("Accepted"),
            t.accepted,
            whole,
            _of(t.accepted, t.leads, _("%(share)s of leads")),
            "v3",
        ),
        _bar(
            _("Deals registered"),
            t.registered,
            whole,
            _of(t.registered, t.accepted, _("%(share)s of accepted")),
            "v3",
        ),
        _bar(_("Won"), t.won, whole, won, "v3"),
    ]


def _of(part: int, whole: int, sentence: str) -> str:
    """The share in its sentence; one that no denominator gives is left out."""
    share = rate(part, whole)
    return "" if share is None else sentence % {"share": shown.percent(share)}


def _bar(name: str, count: int, whole: int, small: str, tone: str) -> Bar:
    return Bar(name, count, width_of(count, whole), small, tone)


def width_of(count: int, whole: int, full: int = WIDTH) -> str:
    if not count or not whole:
        return "0"
    wide = max(min(Fraction(count * full, whole), Fraction(full)), LEAST)
    return str(shown.decimal(wide, 1))


@dataclass(frozen=True, slots=True)
class Lollipop:
    label: str
    code: str
    kit: str
    y: int
    x: str
    value: str
    low: bool  # below the gate


@dataclass(frozen=True, slots=True)
class ReturnChart:
    rows: list[Lollipop]
    ticks: list[tuple[str, int]]  # x, number
    height: int
    gate: str
    finding: str


GATE = Fraction(3)  # pipeline for each unit of spend
_START, _WIDE, _ROW = 210, 510, 26


def returns(lines: Sequence[Line], most: int = 12) -> ReturnChart | None:
    """Pipeline to spend of the launches that spent anything, the best first; None without."""
    ranked = sorted(
        ((line.ratio, line) for line in lines if line.ratio is not None),
        key=lambda item: (-item[0], item[1].partner),
    )[:most]
    if not ranked:
        return None
    top = max(5, -(-max(ratio for ratio, _line in ranked) // 1))
    rows = [
        Lollipop(
            label=line.partner,
            code=line.code,
            kit=line.code.split("-")[1],
            y=20 + place * _ROW,
            x=_at(ratio, top),
            value=shown.number(ratio),
            low=ratio < GATE,
        )
        for place, (ratio, line) in enumerate(ranked)
    ]
    step = max(1, top // 8)
    return ReturnChart(
        rows=rows,
        ticks=[(_at(Fraction(tick), top), tick) for tick in range(0, top + 1, step)],
        height=44 + len(rows) * _ROW,
        gate=_at(GATE, top),
        finding=_(
            "Pipeline to spend, from %(best)s to %(least)s; gate 3.00",
            best=rows[0].value,
            least=rows[-1].value,
        ),
    )


def _at(value: Fraction, top: int) -> str:
    return str(shown.decimal(_START + value * _WIDE / top, 1))


@dataclass(frozen=True, slots=True)
class Run:
    label: str
    y: int
    width: str
    value: str
    here: bool


@dataclass(frozen=True, slots=True)
class RunsChart:
    runs: list[Run]
    gate: str
    height: int


def last_runs(line: Line, others: Sequence[Line], most: int = 4) -> RunsChart | None:
    """This campaign's return beside the partner's earlier ones, the oldest first."""
    earlier = [
        other
        for other in others
        if other.ratio is not None and other.id != line.id and other.created_at <= line.created_at
    ][: most - 1]
    if line.ratio is None or not earlier:
        return None
    compared = [(run, run.ratio or Fraction(0)) for run in (*reversed(earlier), line)]
    top = max(GATE, *(ratio for _run, ratio in compared))
    return RunsChart(
        runs=[
            Run(
                label=run.name,
                y=11 + place * 36,
                width=str(shown.decimal(ratio * 120 / top, 1)),
                value=shown.number(ratio),
                here=run.id == line.id,
            )
            for place, (run, ratio) in enumerate(compared)
        ],
        gate=str(shown.decimal(110 + GATE * 120 / top, 1)),
        height=len(compared) * 36 + 24,
    )

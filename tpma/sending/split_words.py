"""What two subjects brought, and what that proves, in words."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core import i18n
from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext
from tpma.launches import steps
from tpma.launches.compiling import SECOND
from tpma.launches.models import Launch, LaunchAsset
from tpma.rendering.facts import Person
from tpma.rendering.mail import MailSkeleton
from tpma.sending import splitting
from tpma.sending.split_rules import LEAST_ARM, Arm, Outcome


@dataclass(frozen=True, slots=True)
class Line:
    letter: str
    subject: str
    sent: int
    clicked: int
    won: bool  # it went to the rest


@dataclass(frozen=True, slots=True)
class Tried:
    lines: list[Line]
    said: str
    tried: bool  # a sample left; else there were too few readers from the start


def of(session: Session, launch: Launch) -> Tried | None:
    """None for a launch with one subject."""
    test = launch.subject_test
    if not test:
        return None
    arms = [splitting.arm_of(session, launch, variant) for variant in "ab"]
    if "winner" in test:  # as it stood when it was decided
        arms = [Arm(*pair) for pair in zip(test["sent"], test["clicked"], strict=True)]
    subjects = _subjects(session, launch)
    lines = [
        Line(letter.upper(), subject, arm.sent, arm.clicked, test.get("winner") == letter)
        for letter, subject, arm in zip("ab", subjects, arms, strict=True)
    ]
    return Tried(lines, _said(launch), tried="winner" not in test or any(test["sent"]))


def _subjects(session: Session, launch: Launch) -> list[str]:
    """Both in the main language, or in the first that has two."""
    tags = launch.subject_test["locales"]
    tag = launch.primary_locale if launch.primary_locale in tags else tags[0]
    rows = {
        row.asset: MailSkeleton.from_bytes(row.compiled).subject(Person("", "", "", ""))
        for row in session.scalars(
            select(LaunchAsset).where(
                LaunchAsset.launch_id == launch.id,
                LaunchAsset.tenant_id == launch.tenant_id,
                LaunchAsset.locale == tag,
                LaunchAsset.asset.in_([steps.of(launch)[0].asset, SECOND]),
            )
        )
    }
    return [rows[steps.of(launch)[0].asset], rows[SECOND]]


def _said(launch: Launch) -> str:
    test = launch.subject_test
    if "winner" not in test:
        return ngettext(
            "%(share)s %% of the readers get each. The rest waits %(num)s hour for their clicks.",
            "%(share)s %% of the readers get each. The rest waits %(num)s hours for their clicks.",
            launch.trial_hours,
            share=i18n.number(Decimal(launch.trial_share) / 2),
        )
    at = i18n.moment(datetime.fromisoformat(test["decided_at"]), "short")
    if not any(test["sent"]):
        return _(
            "Too small to tell: %(share)s %% of the readers are %(arm)s, and the least a subject "
            "needs is %(least)s. Everybody got A at once.",
            share=i18n.number(Decimal(launch.trial_share) / 2),
            arm=i18n.number(test["arm"]),
            least=i18n.number(LEAST_ARM),
        )
    if test["outcome"] == Outcome.TOO_SMALL.value:
        return _(
            "Too small to tell: it takes %(needed)s readers a subject to see twice the clicks. "
            "The rest got A, %(moment)s. Opens were not counted.",
            needed=i18n.number(test["needed"]),
            moment=at,
        )
    low, high = map(i18n.points, test["between"])
    if test["outcome"] == Outcome.NO_DIFFERENCE.value:
        return _(
            "No clear difference: B brought between %(low)s and %(high)s points of clicks more "
            "than A, and that may be chance. The rest got A, %(moment)s. Opens were not counted.",
            low=low,
            high=high,
            moment=at,
        )
    return _(
        "%(winner)s is better: B brought between %(low)s and %(high)s points of clicks more than "
        "A, with 95 %% certainty. The rest got %(winner)s, %(moment)s. Opens were not counted.",
        winner=test["winner"].upper(),
        low=low,
        high=high,
        moment=at,
    )

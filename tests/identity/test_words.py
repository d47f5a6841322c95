"""Every change of state the code writes down has words for people."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tpma.deals.moves import DONE
from tpma.identity.models import OrganisationStatus
from tpma.identity.words import action_words
from tpma.leads.rules import LeadEvent
from tpma.pages.models import PageState
from tpma.partners.models import EnrolmentState
from tpma.sending.acting import Deed
from tpma.sending.domains.rules import DomainEvent
from tpma.sending.models import MarkKind

ROOM = Path(__file__).parents[2] / "tpma"

# What an f-string or a variable stands for, by where it is written.
MADE = {
    ("deals/moves.py", "f'deal.{DONE[event]}'"): [f"deal.{done}" for done in DONE.values()],
    ("leads/service.py", "f'lead.{event.value}'"): [f"lead.{one.value}" for one in LeadEvent],
    ("sending/acting.py", "f'outbox.{deed.value}'"): [f"outbox.{one.value}" for one in Deed],
    ("launches/service.py", "f'launch.{event.value}'"): ["launch.cancel", "launch.abort"],
    ("pages/service.py", "f'page.{state.value}'"): [
        f"page.{state.value}" for state in (PageState.CLOSED, PageState.BLOCKED)
    ],
    ("partners/service.py", "f'enrolment.{state.value}'"): [
        f"enrolment.{state.value}" for state in EnrolmentState
    ],
    ("partners/service.py", "f'enrolment.{to.value}'"): [
        f"enrolment.{state.value}" for state in EnrolmentState
    ],
    ("identity/service.py", "f'organisation.{status.value}'"): [
        f"organisation.{status.value}" for status in OrganisationStatus
    ],
    ("identity/members.py", "event"): ["membership.invited", "membership.added"],
    ("branding/cobranding.py", "action"): [
        "cobranded_kit.approved",
        "cobranded_kit.auto_approved",
    ],
    ("sending/domains/looking.py", "f'sending_domain.{event.value}'"): [
        f"sending_domain.{event.value}" for event in DomainEvent
    ],
    ("measurement/service.py", "action"): ["cost.added", "cost.removed"],
    ("kits/publishing.py", "f'kit_version.{event}'"): [
        f"kit_version.{event}"
        for event in ("validate", "submit", "reject", "approve", "publish", "supersede")
    ],
    ("kits/dates.py", "f'kit.{what}'"): ["kit.renewed", "kit.archived"],
    ("sending/marks.py", "f'gate.{kind.value}'"): [f"gate.{one.value}" for one in MarkKind],
    ("kits/publishing.py", "event"): ["vendor.four_eyes_on", "vendor.four_eyes_off"],
}


RECORDING = ("record", "record_all")


def written() -> Iterator[tuple[str, str]]:
    """(file, the action as it is written) of every call of them in identity.service."""
    for path in sorted(ROOM.rglob("*.py")):
        source = path.read_text()
        if "from tpma.identity.service import" not in source or "record" not in source:
            continue
        for call in ast.walk(ast.parse(source)):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in RECORDING:
                yield path.relative_to(ROOM).as_posix(), ast.unparse(call.args[3])


def actions() -> list[str]:
    found = set()
    for file, action in written():
        if action.startswith("'"):
            found.add(ast.literal_eval(action))
        else:
            assert (file, action) in MADE, f"say in MADE what {action} of {file} stands for"
            found.update(MADE[file, action])
    return sorted(found)


def test_many_are_found():
    assert len(actions()) > 80


@pytest.mark.parametrize("action", actions())
def test_every_action_has_words(action):
    assert action_words(action), action

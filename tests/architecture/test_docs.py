"""What README and docs say exists: links, variables, commands, states, figures."""

import re
from enum import StrEnum
from pathlib import Path

import click
import pytest

from tpma.audiences.models import (
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    ContactStatus,
    ImportState,
    SuppressionReason,
    SuppressionScope,
)
from tpma.branding.models import CoBrandedKitState
from tpma.cli import cli
from tpma.core.settings import PREFIX, Settings
from tpma.deals.models import DealState, OpportunityStage
from tpma.identity.models import OrganisationKind
from tpma.identity.rules import ROLE_TABLE
from tpma.kits.models import KitVersionState
from tpma.launches.models import LaunchState
from tpma.leads.models import LeadState
from tpma.measurement.metrics import METRICS
from tpma.pages.models import PageState, SubmissionState
from tpma.partners.models import EnrolmentState, FallbackPolicy, PartnerType, Persona
from tpma.sending.models import SendState
from tpma.tracking.models import Verdict

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WRITTEN = [pytest.param(page, id=page.name) for page in PAGES]

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```[a-z]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
VARIABLE = re.compile(r"\bTPMA_[A-Z_]*[A-Z]\b")
COMMAND = re.compile(r"(?:^|[\s/(])tpma ((?:[a-z-]+ ?)+)([^#\n]*)")
TARGET = re.compile(r"(?:^|\s)make ([a-z-]+)")
LARGEST_PICTURE = 200_000


def text_of(page):
    return page.read_text(encoding="utf-8")


def prose_of(page):
    return FENCE.sub("", text_of(page))


def code_of(page):
    """Every line of a block and every span of code."""
    blocks = [line for block in FENCE.findall(text_of(page)) for line in block.splitlines()]
    return [*blocks, *SPAN.findall(prose_of(page))]


def anchors_of(page):
    """Addresses of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", head.lower()) for head in heads]
    return {head.strip().replace(" ", "-") for head in plain}


@pytest.mark.parametrize("page", WRITTEN)
def test_every_link_leads_somewhere(page):
    missing = []
    for link in LINK.findall(prose_of(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _hash, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("page", WRITTEN)
def test_every_variable_is_a_setting(page):
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= set(VARIABLE.findall((ROOT / "tests" / "conftest.py").read_text()))
    known |= {"TPMA_BENCH_POSTGRES"}
    assert set(VARIABLE.findall(text_of(page))) <= known


def test_the_operator_is_told_every_setting():
    told = set(VARIABLE.findall(text_of(ROOT / "docs" / "tutorial-operator.md")))
    assert {PREFIX + name.upper() for name in Settings.model_fields} <= told


@pytest.mark.parametrize("page", WRITTEN)
def test_every_command_exists_with_its_options(page):
    unknown = []
    for line in code_of(page):
        for words, rest in COMMAND.findall(line):
            command = _found(words.split())
            options = set(re.findall(r"(?:^|\s)(--[a-z-]+)", f" {words}{rest}"))
            if command is None or not options <= _options(command):
                unknown.append(line)
    assert unknown == []


def _found(words):
    """The command that these words begin with, or None."""
    command = cli
    for word in words:
        if not isinstance(command, click.Group):
            break
        command = command.get_command(click.Context(command), word)
    return command if isinstance(command, click.Command) else None


def _options(command):
    own = {name for parameter in command.params for name in parameter.opts}
    return own | {"--help"}


@pytest.mark.parametrize("page", WRITTEN)
def test_every_make_target_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for line in code_of(page) for target in TARGET.findall(line)}
    assert named <= targets


@pytest.mark.parametrize("page", WRITTEN)
def test_every_file_of_the_repository_that_is_named_exists(page):
    named = {
        span
        for span in SPAN.findall(prose_of(page))
        if re.fullmatch(
            r"(tpma|tests|docs|migrations|campaigns_library|locales|deploy)/[\w./-]+", span
        )
    }
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    "states",
    [
        OrganisationKind,
        EnrolmentState,
        PartnerType,
        Persona,
        KitVersionState,
        CoBrandedKitState,
        ContactStatus,
        ImportState,
        ConsentPurpose,
        ConsentBasis,
        ConsentState,
        SuppressionScope,
        SuppressionReason,
        LaunchState,
        PageState,
        SubmissionState,
        Verdict,
        LeadState,
        DealState,
        OpportunityStage,
        FallbackPolicy,
    ],
)
def test_the_domain_page_names_every_state(states: type[StrEnum]):
    page = text_of(ROOT / "docs" / "domain.md")
    assert [state.value for state in states if f"`{state.value}`" not in page] == []


def test_the_domain_page_names_every_role_and_every_metric():
    spans = set(SPAN.findall(text_of(ROOT / "docs" / "domain.md")))
    assert set(ROLE_TABLE) <= spans
    assert set(METRICS) <= spans


def test_the_delivery_page_names_every_state_and_every_transition_of_the_code():
    page = text_of(ROOT / "docs" / "delivery.md")
    numbers = {
        number
        for file in (ROOT / "tpma" / "sending").glob("*.py")
        for number in re.findall(r"\bT\d{1,2}\b", file.read_text())
    }
    assert {number for number in numbers if not re.search(rf"\b{number}\b", page)} == set()
    assert [state.value for state in SendState if f"`{state.value}`" not in page] == []


def test_the_kit_format_names_every_rule_of_the_check():
    sources = [file.read_text() for file in (ROOT / "tpma" / "kits").rglob("*.py")]
    given = {rule for text in sources for rule in _rules(text)}
    told = set(SPAN.findall(text_of(ROOT / "docs" / "kit-format.md")))
    assert "mail.size" in given
    assert given <= told


def _rules(text):
    """Names like `locale.missing` that stand where a fault is made."""
    return re.findall(
        r"(?:Fault\([^()]*?|\.at(?:_row)?\(\s*|return )\"([a-z]+\.[a-z_]+)\"", text
    ) + re.findall(r"\"(mail\.size)\"", text)


def test_pictures_are_small_and_shown():
    shown = {link for page in PAGES for link in LINK.findall(text_of(page))}
    shown |= {src for page in PAGES for src in re.findall(r'src="([^"]+)"', text_of(page))}
    pictures = sorted((ROOT / "docs" / "pictures").glob("*.png"))
    assert [p.name for p in pictures if p.stat().st_size > LARGEST_PICTURE] == []
    assert [p.name for p in pictures if f"docs/pictures/{p.name}" not in shown] == []

"""Every template, read as text: what is written by hand where a macro or gettext should stand."""

import re
from functools import cache
from pathlib import Path

import pytest

import tpma
from tpma.web.icons import _paths, icon
from tpma.web.states import STATES, signs

ROOT = Path(tpma.__file__).parent
TEMPLATES = sorted(ROOT.glob("*/templates/**/*.html"))
NAMES = [str(path.relative_to(ROOT)) for path in TEMPLATES]
MACROS = "web/templates/components/ui.html"  # the one place that writes the parts themselves
PRINT = {"measurement/templates/measurement/print.html"}  # a PDF: its style sheet is its own

# Text that is the same in every language.
# "activation v1" is the name of a formula.
SAME = {"activation v1", "tpma", "· tpma", "&lt;", "&gt;", ".eml", "part="}


@cache
def source(path: Path) -> str:
    return re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)


@pytest.fixture(params=TEMPLATES, ids=NAMES)
def template(request) -> Path:
    return request.param


def test_there_are_templates():
    assert len(TEMPLATES) > 40


@pytest.mark.parametrize(
    "by_hand",
    [
        r"\sstyle\s*=",
        r"<script(?![^>]*\ssrc=)",
        r"\son[a-z]+=[\"']",
        r"hx-on",
        r"javascript:",
        r"\|\s*safe\b",
        r"autoescape",
        r"(?:src|href|action)=\"(?:https?:)?//",
    ],
)
def test_nothing_is_written_that_the_policy_forbids(template, by_hand):
    assert re.findall(by_hand, source(template)) == []


def test_style_sheets_are_files(template):
    if str(template.relative_to(ROOT)) not in PRINT:
        assert "<style" not in source(template)


@pytest.mark.parametrize(
    "by_hand", [r'<svg[^>]*class="i[ "]', r'class="chip"', r'<button[^>]*class="code[ "]']
)
def test_icons_chips_and_codes_come_from_the_macros(template, by_hand):
    if str(template.relative_to(ROOT)) != MACROS:
        assert re.findall(by_hand, source(template)) == []


def test_every_form_that_posts_carries_the_token(template):
    forms = re.findall(r"<form\b[^>]*>.*?</form>", source(template), re.DOTALL | re.IGNORECASE)
    posting = [f for f in forms if re.search(r"method=.?post", f.split(">")[0], re.IGNORECASE)]
    assert [form[:120] for form in posting if "csrf()" not in form] == []


def test_every_form_is_closed_in_its_own_template(template):
    text = source(template)
    assert len(re.findall(r"<form\b", text)) == text.count("</form>")


def test_every_icon_named_exists(template):
    named = set(re.findall(r'\b(?:svg_icon|icon)\("([^"]+)"', source(template)))
    named |= set(re.findall(r'\b(?:mark|note)\(\s*"[a-z]*",\s*"([^"]+)"', source(template)))
    assert named - set(_paths()) == set()


def test_every_text_a_person_sees_goes_through_gettext(template):
    text = re.sub(r"\{%-?\s*trans\b.*?endtrans\s*-?%\}", "", source(template), flags=re.DOTALL)
    text = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"\{%-?\s*block (page_class|body_attrs)\s*-?%\}.*?endblock", "", text)
    text = re.sub(r"\{%-?\s*macro _described.*?endmacro", "", text, flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "\x00", text, flags=re.DOTALL)
    pieces = re.split("[\x00\x01]", re.sub(r"<[^>]*>", "\x01", text))
    spoken = [piece.strip() for piece in pieces if re.search(r"[A-Za-z]{2}", piece)]
    assert [piece for piece in spoken if piece not in SAME] == []


def test_every_attribute_a_person_meets_goes_through_gettext(template):
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "\x00", source(template), flags=re.DOTALL)
    written = re.findall(
        r'\s(?:aria-label|title|placeholder|alt)="([^"\x00]*[A-Za-z]{2}[^"\x00]*)"', text
    )
    assert [words for words in written if words not in SAME | {"launch."}] == []


@pytest.mark.parametrize(("machine", "state"), [(m, s) for m in STATES for s in STATES[m]])
def test_every_state_has_a_tone_an_icon_and_a_word(machine, state):
    tone, name, word = signs(machine, state)
    assert tone in {"", "go", "wa", "ok", "ba", "vi"}
    assert name in _paths()
    assert word


def test_two_states_of_one_machine_never_look_the_same():
    for machine, states in STATES.items():
        looks = [(name, word) for _tone, name, word in states.values()]
        assert len(set(looks)) == len(looks), machine


def test_an_icon_is_drawing_and_nothing_else():
    drawn = icon("send", "sm", flip=True)
    assert drawn.startswith('<svg class="i sm flip" viewBox="0 0 24 24" aria-hidden="true">')
    with pytest.raises(KeyError):
        icon("no-such-icon")


def test_icons_named_in_the_code_exist():
    named = set()
    for path in ROOT.glob("**/*.py"):
        named |= set(re.findall(r'\bicon="([a-z0-9-]+)"', path.read_text()))
    assert named - set(_paths()) == set()

"""The check of the catalogs finds what a translator left out or broke."""

import pytest

from tpma.core import messages

CODE = """
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, ngettext
_("Kits")
_("Use at most %(most)s characters.", most=70)
ngettext("%(num)s lead", "%(num)s leads", 2)
LABEL = lazy("Draft")
"""
PAGE = """{% extends "x.html" %}
<h1>{{ _("Launches") }}</h1>
<p>{{ ngettext("%(num)s mail", "%(num)s mails", count) }}</p>
"""
WHOLE = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Kits"
msgstr "Kampagnen"

msgid "Use at most %(most)s characters."
msgstr "Höchstens %(most)s Zeichen."

msgid "%(num)s lead"
msgid_plural "%(num)s leads"
msgstr[0] "Ein Lead"
msgstr[1] "%(num)s Leads"

msgid "Draft"
msgstr "Entwurf"

msgid "Launches"
msgstr "Aussendungen"

msgid "%(num)s mail"
msgid_plural "%(num)s mails"
msgstr[0] "%(num)s Mail"
msgstr[1] "%(num)s Mails"
"""


@pytest.fixture
def package(tmp_path):
    room = tmp_path / "tpma" / "kits"
    (room / "templates" / "kits").mkdir(parents=True)
    (room / "portal.py").write_text(CODE)
    (room / "templates" / "kits" / "index.html").write_text(PAGE)
    return tmp_path / "tpma"


@pytest.fixture
def faults(package, tmp_path, monkeypatch):
    """What the check says of a German catalog."""
    monkeypatch.setattr(messages, "locales_folder", lambda: tmp_path)

    def check(catalog: str) -> list[str]:
        folder = tmp_path / "de" / "LC_MESSAGES"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tpma.po").write_text(catalog)
        return messages.faults_of_catalogs(package)

    return check


def test_a_whole_catalog_has_no_fault(faults):
    assert faults(WHOLE) == []


@pytest.mark.parametrize(
    ("taken", "given", "told"),
    [
        ('msgstr "Kampagnen"', 'msgstr ""', "no text for “Kits”"),
        ('msgid "Draft"', 'msgid "Drafts"', "no text for “Draft”"),
        ('msgid "Launches"', 'msgid "Launch"', "no text for “Launches”"),
        ('"%(num)s Mails"', '""', "no text for “%(num)s mail”"),
        ("%(most)s Zeichen", "%(least)s Zeichen", "other placeholders than “Use at most"),
        ("%(most)s Zeichen", "70 Zeichen", "other placeholders than “Use at most"),
        ("%(num)s Leads", "%(number)s Leads", "other placeholders than “%(num)s lead”"),
    ],
)
def test_what_is_missing_or_differs_is_named_with_its_place(faults, taken, given, told):
    assert taken in WHOLE
    found = faults(WHOLE.replace(taken, given))
    assert len(found) == 1
    assert told in found[0]
    assert found[0].startswith("de: kits/")


def test_a_plural_form_may_leave_the_number_out(faults):
    assert "Ein Lead" in WHOLE
    assert faults(WHOLE) == []


def test_no_catalog_at_all_is_one_fault(package, tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "locales_folder", lambda: tmp_path)
    (fault,) = messages.faults_of_catalogs(package)
    assert fault.startswith("de: ")
    assert fault.endswith("is missing")


def test_the_strings_of_code_and_templates_are_found(package):
    found = {message.id for message in messages.strings(package) if message.id}
    assert found == {
        "Kits",
        "Use at most %(most)s characters.",
        ("%(num)s lead", "%(num)s leads"),
        "Draft",
        "Launches",
        ("%(num)s mail", "%(num)s mails"),
    }

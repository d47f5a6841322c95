"""Every rule of docs/kit-format.md: one kit is spoilt in one place, the check names the place."""

import re
from pathlib import Path

import pytest

from tests.factories.kits import kit_content
from tests.kits import small_kit
from tpma.core.paths import kits_folder
from tpma.kits import check
from tpma.kits.checks import sequence
from tpma.kits.intake import Intake
from tpma.kits.library import open_kit
from tpma.kits.schema import Row
from tpma.rendering.content import KitContent
from tpma.rendering.mail import signed_links

TOML, INVITE, PAGE, SHEET = "kit.toml", "email/invite.mjml", "page/landing.html", "pdf/sheet.html"
GERMAN, POST, COVER, STYLE = "locales/de.po", "social/post.txt", "assets/cover.svg", "pdf/sheet.css"


def checked(files):
    return check.checked(open_kit(Intake(files=files)))


def spoilt(path, old, new):
    files = small_kit.files()
    text = files[path].decode()
    assert text.count(old) >= 1, f"{old!r} is not in {path}"
    files[path] = text.replace(old, new, 1).encode()
    return files


def line_of(data, marker):
    """The line of the first place of `marker`."""
    text = data.decode()
    return text.count("\n", 0, text.index(marker)) + 1


def test_the_small_kit_has_no_fault():
    assert checked(small_kit.files()).faults == []


# rule, file to spoil, what stands there, what takes its place, and the first text of the line
# that must be named: in the spoilt file, or in another one.
SPOILT = [
    ("schema", TOML, 'motion = "demand_gen"', 'motion = "hope"', 'motion = "hope"'),
    ("schema", TOML, 'semver = "1.0.0"', 'semver = "1.0"', 'semver = "1.0"'),
    ("schema", TOML, "day = 4", 'day = "4"', 'day = "4"'),
    ("schema", TOML, "day = 4", "day = true", "day = true"),
    ("schema", TOML, "max_chars = 40", "max_char = 40", "max_char = 40"),
    ("schema", TOML, 'slug = "small-kit"', 'slug = "Small Kit"', 'slug = "Small Kit"'),
    ("schema", TOML, 'key = "TST"', 'key = "TOOLONG"', 'key = "TOOLONG"'),
    ("schema", TOML, "retires = 2028-12-31", "retires = 2025-12-31", "retires"),
    ("schema", TOML, "embargo = 2026-01-01", 'embargo = "2026-01-01"', "embargo"),
    ("schema", TOML, 'deny = ["RU"]', 'deny = ["Russia"]', "deny"),
    ("schema", TOML, 'locales = ["en", "de"]', 'locales = ["de"]', "locales"),
    ("schema", TOML, '"de"]\nproduct', '"de", "xx-YY"]\nproduct', "locales"),
    ("schema", TOML, "[dates]", "[date]", "[date]"),
    ("schema", TOML, 'key = "post"', 'key = "form"', 'key = "form"'),
    ("schema", TOML, 'unit = "consent.share', 'unit = "consent.spare', 'unit = "consent.spare'),
    ("schema", TOML, 'file = "email/invite.mjml"', 'file = "../etc/passwd"', 'file = "../etc'),
    ("schema", TOML, 'style = "pdf/sheet.css"', 'style = "pdf/sheet.html"', "style = "),
    ("schema", GERMAN, 'msgctxt "page.headline"', "# no id", "# no id"),
    ("template", INVITE, "{% t cta %}See", "{% t cta %}{% if x %}See", "{% t cta %}"),
    ("template", INVITE, "{{ legal.footer }}", "{{ legal.footer | upper }}", "| upper"),
    ("template", INVITE, "See it{% endt %}", "See it", "{% t stop %}"),
    ("template", PAGE, "{{ form }}", "{% for x in y %}{{ form }}", "{% for"),
    ("template", PAGE, "</section>", "</div></section>", "</div>"),
    ("template", SHEET, "</h1>", "", "<h1>"),
    ("template", INVITE, "Our offer{% ends", "Our {{ brand.name }}{% ends", "{% slot"),
    ("field.unknown", INVITE, "launch.code", "launch.codes", "launch.codes"),
    ("field.unknown", INVITE, "{{ image.hero }}", "{{ image.zero }}", "image.zero"),
    ("field.unknown", INVITE, "{{ link.cta }}", "{{ link.cat }}", "link.cat"),
    ("field.unknown", PAGE, "The offer{%", "The {{ person.company }}{%", "person.company"),
    ("field.unknown", INVITE, "{{ launch.code }}", "{{ launch.code }} {{ form }}", "{{ form }}"),
    ("field.unknown", TOML, 'subject = "An offer"', 'subject = "{{ brand.name }}"', "subject = "),
    ("field.unknown", TOML, '"person.first_name" =', '"brand.name" =', '"brand.name"'),
    ("field.fallback", TOML, ', de = "zusammen"', "", (INVITE, "person.first_name")),
    (
        "unit.conflict",
        INVITE,
        "preheader %}What we offer.",
        "preheader %}Else.",
        "preheader %}Else",
    ),
    (
        "unit.conflict",
        GERMAN,
        '"email1.cta"',
        '"email1.stop"',
        'msgctxt "email1.stop"\nmsgid "Stop"',
    ),
    ("locale.missing", GERMAN, 'msgstr "Ein Angebot"', 'msgstr ""', 'msgctxt "email1.subject"'),
    ("locale.missing", TOML, '["en", "de"]', '["en", "de", "fr"]', "locales = "),
    ("locale.stale", PAGE, "The offer{%", "The new offer{%", (GERMAN, 'msgctxt "page.headline"')),
    ("locale.stale", GERMAN, 'msgctxt "post.text"', '#, fuzzy\nmsgctxt "post.text"', "#, fuzzy"),
    ("locale.stale", GERMAN, 'msgctxt "post.text"', 'msgctxt "post.words"', 'msgctxt "post.words"'),
    ("locale.fields", GERMAN, "Hallo {{ person.first_name }}", "Hallo", 'msgctxt "email1.body"'),
    ("locale.fields", GERMAN, '"Danke"', '"Danke {{ brand.name }}"', 'msgctxt "form.thanks_title"'),
    ("locale.fields", GERMAN, '"Danke"', '"Danke {% raw %}"', 'msgctxt "form.thanks_title"'),
    ("locale.markup", GERMAN, "<b>wir</b>", "<u>wir</u>", 'msgctxt "email1.body"'),
    ("locale.markup", GERMAN, "<b>wir</b>", "<b>wir", 'msgctxt "email1.body"'),
    ("locale.markup", GERMAN, "<b>wir</b>", "<b class='x'>wir</b>", 'msgctxt "email1.body"'),
    (
        "locale.markup",
        GERMAN,
        "<b>wir</b>",
        "<a href='https://x.de'>wir</a>",
        'msgctxt "email1.body"',
    ),
    ("locale.markup", GERMAN, '"Unser Angebot"', '"Unser <b>A</b>"', 'msgctxt "email1.headline"'),
    ("locale.markup", GERMAN, '"Ein Quadrat"', '"Ein <i>Q</i>"', 'msgctxt "email1.hero_alt"'),
    ("slot.undeclared", TOML, 'key = "headline"', 'key = "subject2"', (INVITE, "{% slot")),
    ("slot.unused", TOML, 'key = "headline"', 'key = "subject2"', 'key = "subject2"'),
    (
        "slot.unused",
        TOML,
        'asset = "email1"\nkey = "subject"',
        'asset = "x"\nkey = "subject"',
        'asset = "x"',
    ),
    ("slot.length", TOML, "max_chars = 40", "max_chars = 5", (INVITE, "{% slot")),
    ("slot.length", GERMAN, "Unser Angebot", "Unser " + "n" * 40, 'msgctxt "email1.headline"'),
    ("mail.unsubscribe", INVITE, "{{ link.unsubscribe }}", "{{ link.cta }}", None),
    ("mail.legal_footer", INVITE, "<mj-text>{{ legal.footer }}</mj-text>", "", None),
    ("mail.legal_footer", INVITE, "{{ legal.footer }}", "<!-- {{ legal.footer }} -->", None),
    ("mail.code", INVITE, " {{ launch.code }}", "", None),
    ("mail.code", SHEET, "{{ launch.code }}", "", None),
    ("mjml.tag", INVITE, "<mj-text>{{ legal", "<mj-tekst /><mj-text>{{ legal", "<mj-tekst"),
    ("mjml.tag", INVITE, "<mj-text>{{ legal", "<mj-raw></mj-raw><mj-text>{{ legal", "<mj-raw"),
    ("mjml.tag", INVITE, "<mj-body>", '<mj-body><mj-include path="x" />', "<mj-include"),
    ("mjml.tag", INVITE, "<mj-button", "<p>x</p><mj-button", "<p>x</p>"),
    ("mjml.compile", INVITE, "</mj-column>", "", "<mj-column>"),
    ("mjml.compile", INVITE, "</mj-text>\n      <mj-text>{%", "\n      <mj-text>{%", "<mj-text>{%"),
    ("page.form", PAGE, "{{ form }}", "", None),
    ("page.form", PAGE, "{{ form }}", "{{ form }}\n{{ form }}", "{{ form }}\n</section>"),
    ("html.unsafe", PAGE, "{{ form }}", "{{ form }}<script>x()</script>", "<script>"),
    ("html.unsafe", PAGE, "{{ form }}", "{{ form }}<style>b{}</style>", "<style>"),
    ("html.unsafe", PAGE, "{{ form }}", "{{ form }}<iframe></iframe>", "<iframe>"),
    ("html.unsafe", PAGE, "{{ form }}", "{{ form }}<form></form>", "<form>"),
    ("html.unsafe", PAGE, "<h1>", '<h1 ONCLICK="x()">', "ONCLICK"),
    ("html.unsafe", PAGE, "<h1>", '<h1 style="color:red">', "style="),
    ("html.unsafe", PAGE, "{{ form }}", '<a href=" JavaScript:x()">x</a>{{ form }}', "JavaScript"),
    ("html.unsafe", PAGE, "{{ form }}", '<a href="&#106;avascript:x()">x</a>{{ form }}', "&#106;"),
    ("html.unsafe", INVITE, "<b>we</b>", "we</mj-text><mj-text><script></script>", "<script>"),
    ("html.unsafe", STYLE, "h1 {", "@import 'x';\nh1 {", "@import"),
    ("html.unsafe", STYLE, "color: black", "background: url(https://x.de/y)", "url("),
    (
        "html.unsafe",
        INVITE,
        "</mj-head>",
        "<mj-style>\n.x{}\n.y{background:url(//x.de)}</mj-style></mj-head>",
        "url(//",
    ),
    ("html.unsafe", COVER, "<path", "<script>x()</script><path", "<script>"),
    ("html.unsafe", COVER, "<path", '<image href="https://x.de/y.png"/><path', "https://x.de"),
    ("html.unsafe", COVER, "<path", '<path onload="x()"', "onload"),
    ("image.alt", INVITE, ' alt="{% t hero_alt %}A square{% endt %}"', "", "<mj-image"),
    ("image.alt", INVITE, '"{% t hero_alt %}A square{% endt %}"', '""', "<mj-image"),
    ("image.alt", PAGE, ' alt=""', "", "<img"),
    ("image.missing", TOML, 'file = "assets/hero.png"', 'file = "assets/gone.png"', "assets/gone"),
    ("image.missing", TOML, 'file = "social/post.txt"', 'file = "social/gone.txt"', "social/gone"),
    (
        "image.type",
        TOML,
        'file = "assets/hero.png"',
        'file = "assets/cover.svg"',
        (INVITE, "image.hero"),
    ),
    ("image.type", TOML, 'file = "assets/hero.png"', 'file = "social/post.txt"', 'file = "social'),
    ("image.type", COVER, "<svg", "<sgv", None),
    ("image.type", COVER, ' viewBox="0 0 40 20"', "", None),
    ("link.target", TOML, 'target = "page"', 'target = "http://x.de/"', "target ="),
    ("link.target", TOML, 'key = "cta"\ntarget', 'key = "spare"\ntarget', 'key = "spare"'),
    ("link.target", PAGE, "{{ form }}", '<a href="https://x.de">x</a>{{ form }}', "https://x.de"),
    ("form.fields", TOML, "required = true", "required = false", "[[form.field]]"),
    ("form.fields", TOML, 'key = "size"', 'key = "email"', 'key = "email"\ntype = "select"'),
    ("form.fields", TOML, 'options = ["Small", "Large"]', "", 'type = "select"'),
    ("form.fields", TOML, 'type = "select"', 'type = "text"', "options ="),
    ("form.fields", TOML, 'maps_to = ""', 'maps_to = "email"', 'maps_to = "email"\nlabel = "Size"'),
    (
        "consent",
        TOML,
        'purpose = "partner_marketing"',
        'purpose = "share_with_vendor"',
        "[[consent]]",
    ),
    (
        "consent",
        TOML,
        'unit = "consent.partner_m',
        'unit = "email1.subject"\n#',
        'purpose = "partner',
    ),
    (
        "consent",
        TOML,
        'recipients = ["partner", "vendor"]',
        'recipients = ["partner"]',
        'recipients = ["partner"]\ntext = "{{ brand.legal_name }} may tell',
    ),
    ("consent", TOML, '["en-US", "de-DE"]', '["en-US", "fr-FR"]', "valid_for = "),
    ("asset.complete", TOML, "day = 0", "day = 1", "[[asset]]"),
    ("asset.complete", TOML, "day = 4", "day = 0", "day = 0\ncondition"),
    ("asset.complete", TOML, "day = 0", 'day = 0\ncondition = "not_clicked"', "condition"),
    ("asset.complete", TOML, "day = 0", 'day = 0\nafter = "trigger"', "[[asset]]"),
    ("step", TOML, "day = 4", 'day = 4\nafter = "trigger"', "after ="),
    ("step", TOML, "day = 4", 'day = 4\nlink = "gone"', "link ="),
    ("step", TOML, '"not_clicked"', '"form"\nlink = "cta"', "link ="),
    ("step", TOML, '"not_clicked"', '"form"\nexit_on_form = true', "exit_on_form"),
    ("schema", TOML, '"not_clicked"', '"opened"', "condition"),
    ("step", TOML, "day = 4", 'day = 4\nsubject_b = "More"', "subject_b"),
    ("schema", TOML, "day = 4", "day = 4\nhours = 24", "hours"),
]


@pytest.mark.parametrize(
    ("rule", "path", "old", "new", "place"), SPOILT, ids=[f"{s[0]}: {s[3][:40]}" for s in SPOILT]
)
def test_a_spoilt_kit_is_named_by_rule_file_and_line(rule, path, old, new, place):
    files = spoilt(path, old, new)
    file, marker = place if isinstance(place, tuple) else (path, place)
    line = line_of(files[file], marker) if marker else 1

    faults = checked(files).faults

    assert (rule, file, line) in {(f.rule, f.file, f.line) for f in faults}, faults


def test_every_rule_of_the_document_has_a_spoilt_kit():
    text = Path("docs/kit-format.md").read_text().split("## Rules of the check")[1]
    named = "".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    rules = set(re.findall(r"`([a-z._]+)`", named))
    assert rules - {spoil[0] for spoil in SPOILT} == {
        "mail.size",
        "link.count",
    }  # tests of their own


def test_a_fault_of_the_manifest_makes_no_translation_stale():
    faults = checked(spoilt(TOML, "day = 4", 'day = "4"')).faults
    assert [(fault.rule, fault.file) for fault in faults] == [("schema", TOML)]


def test_words_of_a_mail_are_no_style():
    files = spoilt(INVITE, "<mj-head>", "<mj-head><mj-style>.a{color:red}</mj-style>")
    said = "An expression (of url (x) behaviour:) in words."
    files[INVITE] = files[INVITE].replace(
        b"<mj-text>{{ legal", f"<mj-text>{said}{{{{ legal".encode()
    )
    assert checked(files).faults == []


SOUND_STEPS = [
    'day = 4\nhours = 6\ncondition = "clicked"\nlink = "cta"',
    'day = 0\nhours = 2\ncondition = "clicked"\nafter = "trigger"',
    'day = 0\ncondition = "form"\nafter = "trigger"\nexit_on_form = false',
    'day = 1\ncondition = "not_form"\nexit_on_form = false',
    'day = 1\ncondition = "all"',
]


@pytest.mark.parametrize("step", SOUND_STEPS)
def test_a_sound_step_is_let_through(step):
    assert checked(spoilt(TOML, 'day = 4\ncondition = "not_clicked"', step)).faults == []


COLLIDING = [  # of two more mails: moments and conditions, whether somebody gets both at once
    ({"condition": "clicked"}, {"condition": "not_clicked"}, False),
    ({"condition": "form"}, {"condition": "not_form"}, False),
    ({"condition": "clicked"}, {"condition": "all"}, True),
    ({"condition": "clicked"}, {"condition": "not_form"}, True),
    ({"condition": "clicked", "link": "a"}, {"condition": "not_clicked", "link": "b"}, True),
    ({"condition": "all"}, {"condition": "all", "hours": 1}, False),
    ({"condition": "clicked", "after": "trigger"}, {"condition": "clicked"}, False),
    (
        {"condition": "clicked", "after": "trigger", "link": "a"},
        {"condition": "clicked", "after": "trigger", "link": "b"},
        False,
    ),
    (
        {"condition": "clicked", "after": "trigger", "link": "a"},
        {"condition": "clicked", "after": "trigger"},
        True,
    ),
]


@pytest.mark.parametrize(("one", "other", "together"), COLLIDING)
def test_two_mails_of_one_moment_are_refused_if_one_reader_gets_both(one, other, together):
    rows = [Row({"day": 4} | given, ("asset", 0)) for given in (one, other)]
    assert sequence.collide(*rows) is together


def test_what_a_mail_does_not_say_leaves_the_hash_of_older_kits_alone():
    mail = next(a for a in kit_content().to_json()["assets"] if a["key"] == "email2")
    assert set(mail) == {"key", "kind", "file", "source", "style", "day", "condition"}


def test_what_a_mail_says_of_its_moment_outlives_json():
    said = 'day = 0\nhours = 2\ncondition = "clicked"\nafter = "trigger"\nlink = "cta"'
    content = checked(spoilt(TOML, 'day = 4\ncondition = "not_clicked"', said)).content
    mail = KitContent.from_json(content.to_json()).mails[1]
    assert (mail.hours, mail.after, mail.link, mail.exit_on_form) == (2, "trigger", "cta", True)


def test_a_reminder_to_everybody_is_allowed():
    assert checked(spoilt(TOML, '"not_clicked"', '"none"')).faults == []


def test_a_template_that_cannot_be_read_makes_no_translation_stale():
    faults = checked(spoilt(INVITE, "{% t cta %}See", "{% t cta %}{% if x %}See")).faults
    assert [(fault.rule, fault.file) for fault in faults] == [("template", INVITE)]


def test_a_launch_has_numbers_for_63_links():
    """The small kit's two mails use two links; the others are all in the first one."""

    def with_links(count):
        files = small_kit.files()
        more = [f"more{number}" for number in range(count)]
        rows = "".join(f'[[link]]\nkey = "{key}"\ntarget = "page"\n\n' for key in more)
        files[TOML] = files[TOML].replace(b"[[link]]", rows.encode() + b"[[link]]", 1)
        uses = "".join(f'<a href="{{{{ link.{key} }}}}">x</a>\n' for key in more)
        legal = "{{ legal.footer }}"
        files[INVITE] = files[INVITE].replace(legal.encode(), f"{uses}{legal}".encode())
        return files

    own = sum(
        len(signed_links(content, mail.key))
        for content in [checked(small_kit.files()).content]
        for mail in content.mails
    )
    assert checked(with_links(63 - own)).faults == []
    files = with_links(64 - own)
    [fault] = checked(files).faults
    assert (fault.rule, fault.file) == ("link.count", "email/reminder.mjml")


def test_every_fault_of_a_template_is_named():
    files = spoilt(INVITE, "{{ legal.footer }}", "{{ legal.footer | upper }}")
    text = files[INVITE].decode()
    text = text.replace("launch.code", "launch.codes", 1)
    text = text.replace("{% t cta %}See", "{% t cta %}{% if x %}See", 1)
    text = text.replace(
        "</mj-body>", "{% for a in b %}\n{{- brand.name }}\n{{ brand.name</mj-body>"
    )
    files[INVITE] = text.encode()
    wanted = {
        (rule, line_of(files[INVITE], marker))
        for rule, marker in [
            ("template", "| upper"),
            ("field.unknown", "launch.codes"),
            ("template", "{% t cta %}"),
            ("template", "{% for"),
            ("template", "{{- brand"),
            ("template", "{{ brand.name</mj"),
        ]
    }
    found = {(fault.rule, fault.line) for fault in checked(files).faults if fault.file == INVITE}
    assert wanted <= found
    assert {line for rule, line in found if rule == "template"} == {
        line for rule, line in wanted if rule == "template"
    }


def test_a_mail_that_gmail_would_cut_off_is_refused():
    files = spoilt(INVITE, "</mj-text>", "</mj-text>" + "<mj-text>%s</mj-text>" % ("long " * 21000))
    assert {(f.rule, f.file) for f in checked(files).faults} == {("mail.size", INVITE)}


def test_a_missing_translation_is_named_after_the_text_before_it():
    files = small_kit.files()
    text = files[GERMAN].decode()
    entry = 'msgctxt "email1.cta"\nmsgid "See it"\nmsgstr "Ansehen"\n\n'
    files[GERMAN] = text.replace(entry, "").encode()

    (fault,) = checked(files).faults

    assert (fault.rule, fault.file) == ("locale.missing", GERMAN)
    assert fault.line == line_of(files[GERMAN], 'msgctxt "email1.body"')
    assert "email/invite.mjml:8" in fault.message


def test_all_faults_are_named_at_once():
    files = spoilt(TOML, "day = 4", 'day = "4"')
    files[PAGE] = files[PAGE].replace(b"{{ form }}", b"")
    files[GERMAN] = files[GERMAN].replace(b'"Danke"', b'""')
    rules = {fault.rule for fault in checked(files).faults}
    assert {"schema", "page.form", "locale.missing"} <= rules


@pytest.mark.parametrize("missing", ["email", "landing_page", "pdf", "social_post"])
def test_a_kit_needs_every_kind_of_asset(missing):
    text = small_kit.MANIFEST
    blocks = re.split(r"(?=\[\[asset\]\])", text)
    kept = [block for block in blocks if f'kind = "{missing}"' not in block.split("\n\n")[0]]
    cut = (
        "".join(kept) if missing != "social_post" else text.replace(blocks[-1].split("\n\n")[0], "")
    )
    files = small_kit.files() | {TOML: cut.encode()}
    assert "asset.complete" in {fault.rule for fault in checked(files).faults}


@pytest.mark.parametrize("folder", sorted(p.name for p in kits_folder().iterdir() if p.is_dir()))
def test_the_kits_we_ship_have_no_fault(folder):
    assert [str(fault) for fault in check.folder(kits_folder() / folder).faults] == []

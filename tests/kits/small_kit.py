"""The smallest kit that passes the check, written to a folder for a test to spoil."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

MANIFEST = """\
[kit]
key = "TST"
slug = "small-kit"
title = "Small kit"
summary = "The smallest kit there can be."
semver = "1.0.0"
source_locale = "en"
locales = ["en", "de"]
product_families = ["security"]
motion = "demand_gen"
guidance = "Write to whom you know."
cover = "assets/cover.svg"

[entitlement]
tiers = []
types = []
allow = []
deny = ["RU"]

[dates]
embargo = 2026-01-01
retires = 2028-12-31

[goal]
leads = 20
lead_definition = "A person who sent the form."

[fields]
"person.first_name" = { en = "there", de = "zusammen" }

[[image]]
key = "hero"
file = "assets/hero.png"

[[link]]
key = "cta"
target = "page"

[[asset]]
key = "email1"
kind = "email"
file = "email/invite.mjml"
subject = "An offer"
preheader = "What we offer."
day = 0

[[asset]]
key = "email2"
kind = "email"
file = "email/reminder.mjml"
subject = "A reminder"
preheader = "What we still offer."
day = 4
condition = "not_clicked"

[[asset]]
key = "page"
kind = "landing_page"
file = "page/landing.html"
subject = "The offer"
preheader = "What the offer is."

[[asset]]
key = "sheet"
kind = "pdf"
file = "pdf/sheet.html"
style = "pdf/sheet.css"
subject = "The offer on paper"

[[asset]]
key = "post"
kind = "social_post"
file = "social/post.txt"

[form]
submit = "Send"
title = "Ask for the offer"
intro = "We answer."
thanks_title = "Thank you"
thanks_text = "{{ brand.name }} answers."

[[form.field]]
key = "email"
type = "email"
required = true
maps_to = "email"
label = "E-mail"

[[form.field]]
key = "size"
type = "select"
required = false
maps_to = ""
label = "Size"
options = ["Small", "Large"]

[[consent]]
purpose = "partner_marketing"
version = "1"
recipients = ["partner"]
text = "{{ brand.legal_name }} may write to me."

[[consent]]
purpose = "share_with_vendor"
version = "1"
recipients = ["partner", "vendor"]
text = "{{ brand.legal_name }} may tell {{ vendor.legal_name }}."

[[slot]]
asset = "email1"
key = "headline"
type = "text"
label = "Headline"
required = true
max_chars = 40

[[slot]]
asset = "email1"
key = "subject"
type = "text"
label = "Subject"
max_chars = 60

[[legal]]
unit = "consent.partner_marketing"
valid_for = ["en-US", "de-DE"]

[[legal]]
unit = "consent.share_with_vendor"
valid_for = ["en-US", "de-DE"]
"""

MAIL = """\
<mjml lang="{{ locale.tag }}" dir="{{ locale.dir }}">
  <mj-head><mj-preview>{% t preheader %}PREHEADER{% endt %}</mj-preview></mj-head>
  <mj-body>
    <mj-section direction="{{ locale.dir }}"><mj-column>
      <mj-image src="{{ image.hero }}" alt="{% t hero_alt %}A square{% endt %}" />
      <mj-text>HEADLINE</mj-text>
      <mj-text>{% t body %}Hello {{ person.first_name }}, <b>we</b> offer.{% endt %}</mj-text>
      <mj-button href="{{ link.cta }}">{% t cta %}See it{% endt %}</mj-button>
      <mj-text>{{ legal.footer }}</mj-text>
      <mj-text>
        <a href="{{ link.unsubscribe }}">{% t stop %}Stop{% endt %}</a> {{ launch.code }}
      </mj-text>
    </mj-column></mj-section>
  </mj-body>
</mjml>
"""

PAGE = """\
<section>
  <h1>{% t headline %}The offer{% endt %}</h1>
  <img src="{{ image.hero }}" alt="">
  {{ form }}
</section>
"""

SHEET = """\
<section>
  <img src="{{ brand.logo }}" alt="{{ brand.name }}">
  <h1>{% t headline %}The offer by {{ brand.name }}{% endt %}</h1>
  <p>{{ launch.code }}</p>
</section>
"""

POST = """\
{% t text %}We have an offer.{% endt %}
{{ link.cta }}
"""

COVER = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><path d="M0 0h40v20z"/></svg>\n'
)

GERMAN = {
    "kit.title": ("Small kit", "Kleines Kit"),
    "kit.summary": ("The smallest kit there can be.", "Das kleinste Kit, das es gibt."),
    "kit.guidance": ("Write to whom you know.", "Schreiben Sie, wen Sie kennen."),
    "kit.lead_definition": ("A person who sent the form.", "Wer das Formular sendet."),
    "email1.subject": ("An offer", "Ein Angebot"),
    "email1.preheader": ("What we offer.", "Was wir bieten."),
    "email1.hero_alt": ("A square", "Ein Quadrat"),
    "email1.body": (
        "Hello {{ person.first_name }}, <b>we</b> offer.",
        "Hallo {{ person.first_name }}, <b>wir</b> bieten an.",
    ),
    "email1.cta": ("See it", "Ansehen"),
    "email1.stop": ("Stop", "Abmelden"),
    "email1.headline": ("Our offer", "Unser Angebot"),
    "email2.subject": ("A reminder", "Eine Erinnerung"),
    "email2.preheader": ("What we still offer.", "Was wir noch bieten."),
    "email2.hero_alt": ("A square", "Ein Quadrat"),
    "email2.body": (
        "Hello {{ person.first_name }}, <b>we</b> offer.",
        "Hallo {{ person.first_name }}, <b>wir</b> bieten an.",
    ),
    "email2.cta": ("See it", "Ansehen"),
    "email2.stop": ("Stop", "Abmelden"),
    "page.subject": ("The offer", "Das Angebot"),
    "page.preheader": ("What the offer is.", "Was das Angebot ist."),
    "page.headline": ("The offer", "Das Angebot"),
    "sheet.subject": ("The offer on paper", "Das Angebot auf Papier"),
    "sheet.headline": ("The offer by {{ brand.name }}", "Das Angebot von {{ brand.name }}"),
    "post.text": ("We have an offer.", "Wir haben ein Angebot."),
    "form.title": ("Ask for the offer", "Das Angebot anfordern"),
    "form.intro": ("We answer.", "Wir antworten."),
    "form.submit": ("Send", "Senden"),
    "form.thanks_title": ("Thank you", "Danke"),
    "form.thanks_text": ("{{ brand.name }} answers.", "{{ brand.name }} antwortet."),
    "form.email.label": ("E-mail", "E-Mail"),
    "form.size.label": ("Size", "Größe"),
    "form.size.option1": ("Small", "Klein"),
    "form.size.option2": ("Large", "Groß"),
    "consent.partner_marketing": (
        "{{ brand.legal_name }} may write to me.",
        "{{ brand.legal_name }} darf mir schreiben.",
    ),
    "consent.share_with_vendor": (
        "{{ brand.legal_name }} may tell {{ vendor.legal_name }}.",
        "{{ brand.legal_name }} darf es {{ vendor.legal_name }} sagen.",
    ),
    "slot.email1.headline": ("Headline", "Überschrift"),
    "slot.email1.subject": ("Subject", "Betreff"),
}


def png(width: int = 4, height: int = 2) -> bytes:
    """A black picture of this size, made by hand so that a test may claim any size."""
    rows = b"".join(b"\0" + b"\0\0\0" * width for _row in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def catalog() -> str:
    entries = (
        f'msgctxt "{unit}"\nmsgid "{source}"\nmsgstr "{target}"\n'
        for unit, (source, target) in GERMAN.items()
    )
    return 'msgid ""\nmsgstr ""\n"Language: de\\n"\n\n' + "\n".join(entries)


def files() -> dict[str, bytes]:
    """The whole kit, by path."""
    slot = "{% slot headline %}Our offer{% endslot %}"
    invite = MAIL.replace("PREHEADER", "What we offer.").replace("HEADLINE", slot)
    reminder = MAIL.replace("PREHEADER", "What we still offer.").replace("HEADLINE", "–")
    texts = {
        "kit.toml": MANIFEST,
        "email/invite.mjml": invite,
        "email/reminder.mjml": reminder,
        "page/landing.html": PAGE,
        "pdf/sheet.html": SHEET,
        "pdf/sheet.css": "h1 { color: black }\n",
        "social/post.txt": POST,
        "locales/de.po": catalog(),
        "assets/cover.svg": COVER,
    }
    return {path: text.encode() for path, text in texts.items()} | {"assets/hero.png": png()}


def write(folder: Path) -> Path:
    for path, data in files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def zipped(content: dict[str, bytes] | None = None) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in (files() if content is None else content).items():
            archive.writestr(path, data)
    return packed.getvalue()

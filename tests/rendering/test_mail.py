"""The mail of a launch: what is previewed is what is sent, whoever reads it."""

import re
from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from tests.factories import rendering as factory
from tests.rendering.test_headers import HEAD, OWN
from tpma.core.errors import Conflict, Invalid
from tpma.rendering.content import AssetSpec
from tpma.rendering.facts import Person
from tpma.rendering.mail import LARGEST, MailSkeleton, compile_mail, signed_links

TOKEN = "T" * 24
PRIYA = Person("Priya", "Arun", "Harborpoint", "US")
NAMES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        ["=", "==\n", ".", ".\r\n.\r\n", "From me", "{{ brand.name }}", "{% raw %}",
         "<script>x</script>", '"><img src=x>', "a" * 400, "مريم", "\u202egnp.exe",
         "x\r\nBcc: y@z.example", "=?utf-8?B?eA==?="]
    ),
)  # fmt: skip


def _skeleton(locale="en", requested="en-US", **changes) -> MailSkeleton:
    content = changes.pop("content", factory.content())
    given = {
        "requested": requested,
        "brand": factory.brand(),
        "vendor": factory.vendor(),
        "launch": factory.facts_of_launch(),
        "slots": {},
        "link_numbers": {"cta": 0, "site": 1},
        "countries": ["US", "DE"],
    }
    return compile_mail(content, "email1", locale, **{**given, **changes})


def _parts(message: bytes) -> tuple[str, str]:
    parsed = message_from_bytes(message, policy=default)
    assert parsed.get_content_type() == "multipart/alternative"
    assert not parsed.defects
    text, html = parsed.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return text.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


SKELETON = _skeleton()


def test_the_sent_parts_equal_the_preview():
    """T-91."""
    text, html = _parts(SKELETON.message(PRIYA, HEAD, OWN))

    assert html == SKELETON.html(PRIYA, TOKEN)
    assert text == SKELETON.text(PRIYA, TOKEN)
    parsed = message_from_bytes(SKELETON.message(PRIYA, HEAD, OWN), policy=default)
    assert parsed["Subject"] == SKELETON.subject(PRIYA) == "Priya, your offices checked"


@given(NAMES, NAMES, NAMES, st.sampled_from(["", "US", "DE", "XX"]))
def test_whatever_a_reader_is_called_the_mail_reads_back(first, last, company, country):
    person = Person(first, last, company, country)
    message = SKELETON.message(person, HEAD, OWN)
    text, html = _parts(message)

    assert (text, html) == (SKELETON.text(person, TOKEN), SKELETON.html(person, TOKEN))
    for line in message.split(b"\r\n"):
        assert len(line) <= 998
        assert b"\n" not in line
        assert b"\r" not in line
    body = message.split(b"\r\n\r\n", 1)[1]
    assert all(len(line) <= 76 and not line.startswith(b".") for line in body.split(b"\r\n"))


@given(NAMES)
def test_a_name_cannot_become_markup(name):
    tags = [node.tag for node in LexborHTMLParser(SKELETON.html(PRIYA, TOKEN)).css("*")]
    html = SKELETON.html(replace(PRIYA, first_name=name), TOKEN)
    assert [node.tag for node in LexborHTMLParser(html).css("*")] == tags


def test_who_has_no_name_is_greeted_with_the_kits_fallback():
    assert "Hello there ," in SKELETON.text(Person(), TOKEN)
    assert "for your company" in SKELETON.text(Person(), TOKEN)
    german = _skeleton("de", "de-DE")
    assert german.subject(Person()) == "zusammen, Ihre Standorte geprüft"


@given(st.text(min_size=1, max_size=120).filter(str.strip))
def test_what_the_partner_writes_is_shown_as_written(words):
    clean = "".join(c for c in words if c.isprintable() or c == " ")
    if not clean.strip():
        return
    html = _skeleton(slots={"email1.headline": clean}).html(PRIYA, TOKEN)
    shown = LexborHTMLParser(html).css_first("h1").text()
    assert shown.split() == clean.split()


def test_a_partners_template_signs_stay_as_typed():
    skeleton = _skeleton(
        slots={
            "headline": "{{ brand.name }} {% t x %} ${7*7}",
            "subject": "{{ person.first_name }}",
        }
    )
    assert "{{ brand.name }} {% t x %} ${7*7}" in skeleton.text(PRIYA, TOKEN)
    assert skeleton.subject(PRIYA) == "{{ person.first_name }}"


def test_quotes_and_backslashes_survive_the_compiler_in_attributes():
    """The MJML compiler would double the backslash and print \\u{…}."""
    company = factory.company(name='A \\ "B" \u200f<C>')
    html = _skeleton(brand=factory.brand(company=company)).html(PRIYA, TOKEN)
    assert LexborHTMLParser(html).css_first("img").attributes["alt"] == 'A \\ "B" \u200f<C>'
    assert LexborHTMLParser(html).css_first("[role=article]").attributes["aria-label"] == (
        'A \\ "B" \u200f<C>'
    )


def test_links_are_signed_for_the_reader():
    html = SKELETON.html(PRIYA, TOKEN)
    assert f"https://go.example/c/{TOKEN}A" in html
    assert f"https://go.example/c/{TOKEN}B" in html
    assert f'href="https://go.example/u/{TOKEN}"' in html
    assert f"https://go.example/o/{TOKEN}.gif" in html
    assert "brightline.example/c" not in html


def test_a_trap_stands_in_the_html_that_nobody_sees_hears_or_reaches_by_tab():
    html = SKELETON.html(PRIYA, TOKEN)
    trap = LexborHTMLParser(html).css_first(f'a[href="https://go.example/c/{TOKEN}_"]')
    assert trap.attributes == {
        "href": f"https://go.example/c/{TOKEN}_",
        "rel": "nofollow",
        "tabindex": "-1",
        "aria-hidden": "true",
        "style": "display:none",
    }
    assert trap.text() == ""
    assert f"{TOKEN}_" not in SKELETON.text(PRIYA, TOKEN)


def test_without_tracking_a_mail_tells_nothing_of_its_reader_but_how_to_leave():
    skeleton = _skeleton(launch=factory.facts_of_launch(tracks_readers=False))
    html, text = skeleton.html(PRIYA, TOKEN), skeleton.text(PRIYA, TOKEN)
    assert html.count(TOKEN) == html.count(f"/u/{TOKEN}")
    assert text.count(TOKEN) == text.count(f"/u/{TOKEN}")
    assert "/o/" not in html
    addresses = [a.attributes["href"] for a in LexborHTMLParser(html).css("a[href]")]
    pages = [address for address in addresses if "utm_id=" in address]
    assert pages
    assert all("utm_medium=email" in address and "&r=" not in address for address in pages)


def test_the_signed_links_of_a_mail_are_those_it_uses():
    assert signed_links(factory.content(), "email1") == ["email1.site", "email1.cta"]


def test_link_numbers_may_be_named_with_their_mail():
    numbers = {"email1.cta": 0, "email1.site": 1, "email2.cta": 9}
    assert _skeleton(link_numbers=numbers) == SKELETON


def test_a_link_without_a_number_is_refused():
    with pytest.raises(Invalid, match=r"link\.site"):
        _skeleton(link_numbers={"cta": 0})


def test_the_footer_is_that_of_the_readers_country():
    company = factory.company(country="DE", legal={"vat_id": "DE1", "uid": "CHE-1"})
    skeleton = _skeleton(brand=factory.brand(company=company), countries=["CH", "DE"])
    assert "CHE-1" in skeleton.text(Person(country="CH"), TOKEN)
    assert "CHE-1" not in skeleton.text(Person(country="DE"), TOKEN)
    assert "CHE-1" not in skeleton.text(Person(country="JP"), TOKEN)


def test_a_stored_skeleton_is_the_same_skeleton():
    again = MailSkeleton.from_bytes(SKELETON.to_bytes())
    assert again == SKELETON
    assert again.digest == SKELETON.digest
    assert again.message(PRIYA, HEAD, OWN) == SKELETON.message(PRIYA, HEAD, OWN)


def test_compiling_twice_gives_equal_bytes():
    assert _skeleton().to_bytes() == SKELETON.to_bytes()


def test_marks_name_the_slots_and_change_nothing_else():
    marked = _skeleton(marks=True)
    html = marked.html(PRIYA, TOKEN)
    assert '<span data-slot="headline">Know which office is exposed</span>' in html
    assert re.sub(r'<span data-slot="\w+">(.*?)</span>', r"\1", html) == SKELETON.html(PRIYA, TOKEN)


def test_a_preview_with_marks_is_never_sent():
    with pytest.raises(Conflict):
        _skeleton(marks=True).message(PRIYA, HEAD, OWN)


def test_an_arabic_mail_runs_from_right_to_left():
    html = _skeleton("ar", "ar-AE").html(PRIYA, TOKEN)
    document = LexborHTMLParser(html)
    assert document.css_first("html").attributes["dir"] == "rtl"
    assert document.css_first("html").attributes["lang"] == "ar-AE"
    assert "مرحبًا" in document.body.text()
    assert "direction:ltr" not in html


@pytest.mark.parametrize(("tag", "sign"), [("en-XA", "·····"), ("ar-XB", "\u202e")])
def test_a_pseudo_locale_marks_every_text_of_the_kit(tag, sign):
    skeleton = _skeleton(tag, tag)
    assert sign in skeleton.subject(PRIYA)
    assert sign in LexborHTMLParser(skeleton.html(PRIYA, TOKEN)).css_first("h1").text()


def test_a_mail_that_would_be_cut_off_is_refused():
    source = factory.MAIL.replace("{{ launch.code }}", "x" * LARGEST)
    content = factory.content(assets=(AssetSpec("email1", "email", "a.mjml", source),))
    with pytest.raises(Invalid, match="cut it off"):
        _skeleton(content=content)


def test_mjml_that_does_not_compile_is_a_fault_of_the_file():
    source = factory.MAIL.replace("</mj-body>", "")
    content = factory.content(assets=(AssetSpec("email1", "email", "a.mjml", source),))
    with pytest.raises(Invalid, match=r"a\.mjml does not compile"):
        _skeleton(content=content)


def test_a_mail_without_holes_in_its_html_is_still_whole():
    runs = ("plain",)
    bare = MailSkeleton("a", "en", ("Hello",), ("<p>plain</p>",), runs, {}, {"": ("", "")})
    assert _parts(bare.message(PRIYA, HEAD, OWN)) == ("plain", "<p>plain</p>")

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from tests.factories import rendering as factory
from tpma.rendering.template import Html, TemplateFault, expand, fill_markup, parse, scan

VALUES = {
    "brand.name": "Brightline",
    "link.cta": "https://x.example/c",
    "brand.url": "https://b.example",
}
HOSTILE = st.lists(
    st.sampled_from([*"{}%$<>\"'&=\\/ \n-aé表ع\u202e\u200d🙂", "{{", "}}", "{%", "%}", "${x}"]),
    max_size=30,
).map("".join) | st.sampled_from(
    ["{{ brand.name }}", "{% raw %}", "{% slot x %}y{% endslot %}", "${7*7}",
     "<script>alert(1)</script>", '" onload="x', "{{ 'a' | upcase }}", "javascript:alert(1)",
     "-->", "]]>", "\ue0000\ue001"]
)  # fmt: skip


def test_a_scan_names_units_slots_fields_and_lines():
    found = scan('<p>{% t a %}A\n {{ x.y }}{% endt %}</p>\n<i alt="{% t b %}B{% endt %}">\n'
                 "{% slot c %}C{% endslot %} {{ brand.name }}", "a.html")  # fmt: skip

    assert found.units == [("a", "A {{ x.y }}", 1, False), ("b", "B", 3, True)]
    assert found.slots == [("c", "C", 4)]
    assert found.fields == [("brand.name", 4), ("x.y", 2)]


@pytest.mark.parametrize(
    "source",
    [
        "{% if a %}x{% endif %}",
        "{% for a in (1..9) %}x{% endfor %}",
        "{% assign a = 1 %}",
        "{% include 'x' %}",
        "{% render 'x' %}",
        "{% raw %}{{ a }}{% endraw %}",
        "{% comment %}x{% endcomment %}",
        "{% doc %}x{% enddoc %}",
        "{% liquid echo 1 %}",
        "{% # note %}",
        "{% %}",
        "{{ }}",
        "{{ a.b | upcase }}",
        "{{ 'x' }}",
        "{{ a.b.c }}",
        "{{ a[0] }}",
        "{{ (1..9) }}",
        "{{- a.b -}}",
        "{%- t a %}x{% endt %}",
        "{{ a.b",
        "{% t a %}x",
        "{% t A %}x{% endt %}",
        "{% t %}x{% endt %}",
        "{% t a b %}x{% endt %}",
        "{% t a %}{% t b %}x{% endt %}{% endt %}",
        "{% t a %}{% slot b %}x{% endslot %}{% endt %}",
        "{% t a %}{% raw %}x{% endraw %}{% endt %}",
        "{% slot a %}{{ brand.name }}{% endslot %}",
        "{% slot a %}x{% endt %}",
        "{% endt %}",
    ],
)
def test_everything_else_is_refused_with_its_line(source):
    with pytest.raises(TemplateFault) as refusal:
        parse(f"<p>\n\n{source}</p>")
    assert refusal.value.line == 3


@pytest.mark.parametrize(
    "source",
    [
        "<a {{ brand.name }}>",
        "<a href={{ brand.url }}>",
        '<a href="{{ brand.name }}">',
        '<a href="{% t x %}a{% endt %}">',
        '<a href="{% slot x %}a{% endslot %}">',
        '<a href="https://x.example/{{ person.first_name }}">',
        '<p style="color:{{ brand.name }}">',
        "<style>{{ brand.name }}</style>",
        "<mj-style>{% slot x %}a{% endslot %}</mj-style>",
        "<script>{{ brand.name }}</script>",
        "<!-- {{ brand.name }} -->",
        "<!-- {% slot x %}a{% endslot %} -->",
        '<p title="{{ legal.footer }}">',
        "<mj-title>{{ form }}</mj-title>",
    ],
)
def test_nothing_stands_where_it_could_become_code(source):
    with pytest.raises(TemplateFault):
        parse(source)


@pytest.mark.parametrize(
    "source",
    [
        '<a href="{{ link.cta }}">',
        '<a href="mailto:{{ brand.email }}">',
        '<img src="{{ brand.logo }}" alt="{{ brand.name }}">',
        '<td style="text-align:{{ locale.start }};color:{{ brand.colour }}">',
        "<p>a < b and {{ brand.name }}</p>",
        "<img alt='{% t x %}it\"s{% endt %}'>",
    ],
)
def test_what_the_format_allows_is_read(source):
    assert parse(source)


def test_text_files_may_hold_signs_of_markup():
    found = scan("a <b {{ brand.name }} < {{ link.cta }}", "post.txt")
    assert [name for name, _line in found.fields] == ["brand.name", "link.cta"]


def _shown(html: str) -> str:
    return " ".join(LexborHTMLParser(html.replace("<br />", " ")).body.text().split())


@given(HOSTILE)
def test_what_a_partner_writes_comes_out_as_written(words):
    html = expand("<p>{% slot a %}A{% endslot %}</p>", {"a": "A"}, {"a": words}, VALUES)
    if not words:
        assert html == "<p>A</p>"
        return
    assert _shown(html) == " ".join(words.replace("\r", " ").split())
    assert {node.tag for node in LexborHTMLParser(html).css("body *")} <= {"p", "br"}


@given(HOSTILE)
def test_what_a_partner_writes_stays_within_an_attribute(words):
    html = expand('<img alt="{% slot a %}A{% endslot %}">', {"a": "A"}, {"a": words}, VALUES)
    image = LexborHTMLParser(html).css_first("img")
    assert set(image.attributes) == {"alt"}
    assert image.attributes["alt"] == " ".join((words or "A").split())


@given(HOSTILE, HOSTILE)
def test_values_of_fields_are_neither_markup_nor_template(name, text):
    html = expand("<p>{{ brand.name }}</p>", {}, {}, {"brand.name": name})
    assert _shown(html) == " ".join(name.split())
    html = expand("<p>{% t a %}A{% endt %}</p>", {"a": "<b>{{ x.y }}</b>"}, {}, {"x.y": text})
    assert _shown(html) == " ".join(text.split())


def test_html_values_are_put_in_as_they_are():
    assert expand("{{ form }}", {}, {}, {"form": Html("<i>x</i>")}) == "<i>x</i>"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<b>a</b> <i>b</i><br>c", "<b>a</b> <i>b</i><br />c"),
        ("<script>x</script>a", "a"),
        ('<b onclick="x">a</b>', "<b>a</b>"),
        ('<span dir="ltr" style="x">a</span>', '<span dir="ltr">a</span>'),
        ('<a href="{{ link.cta }}">a</a>', '<a href="https://x.example/c">a</a>'),
        ('<a href="https://evil.example">a</a>', "<a>a</a>"),
        ("a & b &amp; c", "a &amp; b &amp; c"),
        ("<img src=x onerror=1>a", "a"),
        ("{{ brand.name }}", "Brightline"),
    ],
)
def test_a_kits_text_keeps_the_allowed_markup_only(text, html):
    assert fill_markup(text, VALUES) == html


def test_a_text_with_a_tag_in_it_is_refused():
    with pytest.raises(TemplateFault):
        fill_markup("{% slot a %}x{% endslot %}", VALUES)


def test_lines_of_a_rich_text_are_kept():
    html = expand("{% slot a %}x{% endslot %}", {"a": "x"}, {"a": "one\r\ntwo\nthree"}, {})
    assert html == "one<br />two<br />three"


def test_an_address_with_another_scheme_is_refused():
    with pytest.raises(TemplateFault):
        expand('<a href="{{ brand.url }}">', {}, {}, {"brand.url": "javascript:alert(1)"})


def test_marks_wrap_slots_but_not_in_attributes():
    source = '<p title="{% slot a %}A{% endslot %}">{% slot a %}A{% endslot %}</p>'
    assert expand(source, {"a": "A"}, {}, {}, marks=True) == (
        '<p title="A"><span data-slot="a">A</span></p>'
    )


def test_a_missing_text_or_field_is_named_with_its_line():
    for source in ("\n{% t gone %}x{% endt %}", "\n{{ brand.gone }}"):
        with pytest.raises(TemplateFault, match="gone") as refusal:
            expand(source, {}, {}, {})
        assert refusal.value.line == 2


def test_the_kit_of_these_tests_has_a_text_for_every_unit_it_uses():
    content = factory.content()
    for asset in content.assets:
        found = scan(asset.source, asset.file)
        for key, text, *_rest in [*found.units, *found.slots]:
            assert content.text(f"{asset.key}.{key}", "en") == re.sub(r"\s+", " ", text)

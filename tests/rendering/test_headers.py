import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import SMTP
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.core.errors import Invalid
from tpma.rendering import headers
from tpma.rendering.headers import Addressed, Letterhead, header_lines

HEAD = Letterhead(
    from_name="Brightline IT",
    from_address="news@brightline.example",
    reply_to="dana@brightline.example",
    list_id="Zoë, Ltd <brightline.helio.tpma.example>",
    feedback_id="HC-SEC-ZQCGZXW:brightline:helio:tpma",
    code="HC-SEC-ZQCGZXW",
    unsubscribe_url="https://go.tpma.example/u/",
    unsubscribe_mailto="unsubscribe@tpma.example?subject=",
    message_domain="brightline.example",
    date=datetime(2026, 3, 2, 9, tzinfo=UTC),
)
OWN = Addressed(
    to_name="Zoë Ångström",
    to_address="zoe@harborpoint.example",
    message_name="m1-g1.abc",
    token="T" * 24,
    attempt_id="0f" * 16,
)
PLAIN = OWN._replace(to_name="Zoe Angstrom")  # of which nothing has to be encoded
VISIBLE = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=200
).filter(lambda text: text.strip())


def _parsed(own: Addressed = OWN, subject: str = "Hello"):
    return message_from_bytes(header_lines(HEAD, own, subject) + b"\r\n", policy=SMTP)


def _changed(changes: dict[str, object], own: Addressed = OWN) -> tuple[Letterhead, Addressed]:
    mine = {name: value for name, value in changes.items() if name in Addressed._fields}
    theirs = {name: value for name, value in changes.items() if name not in mine}
    return replace(HEAD, **theirs), own._replace(**mine)


def test_list_unsubscribe_is_one_plain_line_of_bytes():
    lines = header_lines(HEAD, OWN, "Hello").split(b"\r\n")
    found = [line for line in lines if line.lower().startswith(b"list-unsubscribe:")]
    assert found == [
        b"List-Unsubscribe: <https://go.tpma.example/u/" + b"T" * 24
        + b">, <mailto:unsubscribe@tpma.example?subject=" + b"T" * 24 + b">"
    ]  # fmt: skip
    assert lines.count(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click") == 1


def test_every_header_stands_once_and_nothing_is_hidden():
    parsed = _parsed()
    assert len(parsed.keys()) == len(set(parsed.keys()))
    assert "Bcc" not in parsed
    assert parsed["From"] == "Brightline IT <news@brightline.example>"
    assert parsed["Message-ID"] == "<m1-g1.abc@brightline.example>"
    assert parsed["X-TPMA-Code"] == "HC-SEC-ZQCGZXW"
    assert parsed["List-Id"].endswith("<brightline.helio.tpma.example>")


@given(VISIBLE)
def test_any_subject_reads_back(subject):
    assert _parsed(subject=subject)["Subject"] == subject.strip(" ") or (
        _parsed(subject=subject)["Subject"].split() == subject.split()
    )


@given(
    st.text(
        st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc"]),
        max_size=120,
    )
)
def test_any_name_reads_back(name):
    line = header_lines(HEAD, OWN._replace(to_name=name), "Hello").split(b"\r\nTo: ")[1]
    written = line.split(b"\r\nSubject: ")[0].decode()
    shown, address = parseaddr(written.replace("\r\n", ""))
    assert address == "zoe@harborpoint.example"
    shown = str(make_header(decode_header(shown)))
    assert shown.split() == name.split()


@given(VISIBLE)
def test_no_line_is_long_or_other_than_ascii(text):
    written = header_lines(*_changed({"to_name": text, "from_name": text}), text)
    assert written.isascii()
    assert all(len(line) <= 995 for line in written.split(b"\r\n"))


TEXT_FIELDS = [
    "from_name", "from_address", "reply_to", "list_id", "unsubscribe_url", "unsubscribe_mailto",
    "message_domain", "feedback_id", "code", *Addressed._fields,
]  # fmt: skip


@pytest.mark.parametrize("own", [OWN, PLAIN])
@pytest.mark.parametrize("field", TEXT_FIELDS)
@pytest.mark.parametrize(
    "control", ["\r\nBcc: x@evil.example", "\n", "\r", "\x00", "\x7f", "\u2028"]
)
def test_a_control_character_is_refused_and_the_field_named(field, control, own):
    text = getattr(own if field in Addressed._fields else HEAD, field) + control
    with pytest.raises(Invalid) as refusal:
        header_lines(*_changed({field: text}, own), "Hello")
    assert refusal.value.field == field


@pytest.mark.parametrize("own", [OWN, PLAIN])
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to_address": "nobody"}, "to_address"),
        ({"to_address": "a@b.example, c@d.example"}, "to_address"),
        ({"to_address": "ä@b.example"}, "to"),
        ({"from_address": ""}, "from_address"),
        ({"reply_to": "a b@c.example"}, "reply_to"),
        ({"unsubscribe_url": "javascript:x"}, "unsubscribe_url"),
        ({"unsubscribe_url": "https://a.example/u/x>, <https://b.example"}, "unsubscribe_url"),
        ({"unsubscribe_url": "https://a.example/" + "x" * 1000}, "list_unsubscribe"),
        ({"unsubscribe_mailto": "a@b.example>, <mailto:c@d.example"}, "unsubscribe_mailto"),
        ({"feedback_id": "é"}, "feedback_id"),
        ({"date": datetime(2026, 1, 1)}, "date"),  # noqa: DTZ001
    ],
)
def test_a_value_no_server_could_read_is_refused(changes, field, own):
    with pytest.raises(Invalid) as refusal:
        header_lines(*_changed(changes, own), "Hello")
    assert refusal.value.field == field


def test_an_empty_subject_is_refused():
    with pytest.raises(Invalid) as refusal:
        header_lines(HEAD, OWN, "  ")
    assert refusal.value.field == "subject"


def test_a_subject_cannot_open_another_header():
    with pytest.raises(Invalid) as refusal:
        header_lines(HEAD, OWN, "Hello\r\nBcc: x@evil.example")
    assert refusal.value.field == "subject"


@given(
    st.text("ab1 .=?-'\"é,", max_size=24),
    st.sampled_from(["zoe@harborpoint.example", "zoë@harborpoint.example", "a=b@c.example", "no"]),
    st.text("ab =?é.", max_size=80),
)
def test_one_look_at_plain_values_says_what_the_careful_way_says(name, address, subject):
    own = OWN._replace(to_name=name, to_address=address)
    with pytest.MonkeyPatch.context() as patch:
        quick = _told(own, subject)
        patch.setattr(headers, "_PLAIN", re.compile(r"(?!)"))
        assert quick == _told(own, subject)


def _told(own: Addressed, subject: str) -> bytes | str:
    try:
        return header_lines(HEAD, own, subject)
    except Invalid as refusal:
        return refusal.field

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
from tpma.rendering.headers import MailHeaders, header_lines

HEADERS = MailHeaders(
    from_name="Brightline IT",
    from_address="news@brightline.example",
    reply_to="dana@brightline.example",
    to_name="Zoë Ångström",
    to_address="zoe@harborpoint.example",
    message_id="<m1-g1.abc@brightline.example>",
    date=datetime(2026, 3, 2, 9, tzinfo=UTC),
    list_id="Zoë, Ltd <brightline.helio.tpma.example>",
    unsubscribe_url="https://go.tpma.example/u/" + "T" * 24,
    unsubscribe_mailto="unsubscribe@tpma.example?subject=" + "T" * 24,
    feedback_id="HC-SEC-ZQCGZXW:brightline:helio:tpma",
    code="HC-SEC-ZQCGZXW",
    attempt_id="0f" * 16,
)
VISIBLE = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=200
).filter(lambda text: text.strip())


def _parsed(headers: MailHeaders, subject: str = "Hello"):
    return message_from_bytes(header_lines(headers, subject) + b"\r\n", policy=SMTP)


def test_list_unsubscribe_is_one_plain_line_of_bytes():
    lines = header_lines(HEADERS, "Hello").split(b"\r\n")
    found = [line for line in lines if line.lower().startswith(b"list-unsubscribe:")]
    assert found == [
        b"List-Unsubscribe: <https://go.tpma.example/u/" + b"T" * 24
        + b">, <mailto:unsubscribe@tpma.example?subject=" + b"T" * 24 + b">"
    ]  # fmt: skip
    assert lines.count(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click") == 1


def test_every_header_stands_once_and_nothing_is_hidden():
    parsed = _parsed(HEADERS)
    assert len(parsed.keys()) == len(set(parsed.keys()))
    assert "Bcc" not in parsed
    assert parsed["From"] == "Brightline IT <news@brightline.example>"
    assert parsed["Message-ID"] == "<m1-g1.abc@brightline.example>"
    assert parsed["X-TPMA-Code"] == "HC-SEC-ZQCGZXW"
    assert parsed["List-Id"].endswith("<brightline.helio.tpma.example>")


@given(VISIBLE)
def test_any_subject_reads_back(subject):
    assert _parsed(HEADERS, subject)["Subject"] == subject.strip(" ") or (
        _parsed(HEADERS, subject)["Subject"].split() == subject.split()
    )


@given(
    st.text(
        st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc"]),
        max_size=120,
    )
)
def test_any_name_reads_back(name):
    line = header_lines(replace(HEADERS, to_name=name), "Hello").split(b"\r\nTo: ")[1]
    written = line.split(b"\r\nSubject: ")[0].decode()
    shown, address = parseaddr(written.replace("\r\n", ""))
    assert address == "zoe@harborpoint.example"
    shown = str(make_header(decode_header(shown)))
    assert shown.split() == name.split()


@given(VISIBLE)
def test_no_line_is_long_or_other_than_ascii(text):
    written = header_lines(replace(HEADERS, to_name=text, from_name=text), text)
    assert written.isascii()
    assert all(len(line) <= 995 for line in written.split(b"\r\n"))


TEXT_FIELDS = [
    "from_name", "from_address", "reply_to", "to_name", "to_address", "message_id", "list_id",
    "unsubscribe_url", "unsubscribe_mailto", "feedback_id", "code", "attempt_id",
]  # fmt: skip


@pytest.mark.parametrize("field", TEXT_FIELDS)
@pytest.mark.parametrize(
    "control", ["\r\nBcc: x@evil.example", "\n", "\r", "\x00", "\x7f", "\u2028"]
)
def test_a_control_character_is_refused_and_the_field_named(field, control):
    with pytest.raises(Invalid) as refusal:
        header_lines(replace(HEADERS, **{field: getattr(HEADERS, field) + control}), "Hello")
    assert refusal.value.field == field


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
def test_a_value_no_server_could_read_is_refused(changes, field):
    with pytest.raises(Invalid) as refusal:
        header_lines(replace(HEADERS, **changes), "Hello")
    assert refusal.value.field == field


def test_an_empty_subject_is_refused():
    with pytest.raises(Invalid) as refusal:
        header_lines(HEADERS, "  ")
    assert refusal.value.field == "subject"


def test_a_subject_cannot_open_another_header():
    with pytest.raises(Invalid) as refusal:
        header_lines(HEADERS, "Hello\r\nBcc: x@evil.example")
    assert refusal.value.field == "subject"

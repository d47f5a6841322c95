"""Returned mail: what servers really write, and what somebody might write to hurt us."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpma.adapters.dsn import Kind, Report, Returned, Sort, read
from tpma.adapters.verp import Verp
from tpma.core.signing import Signer

ATTEMPT = "019a0b1c2d3e7f4081920a1b2c3d4e5f"
VERP = Verp(Signer("secret"), "bounce.mail.example")
PATH = VERP.address(ATTEMPT)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
THEN = datetime(2026, 11, 22, 9, 30, 5, tzinfo=UTC)

POSTFIX = f"""\
Return-Path: <>
Delivered-To: {PATH}
Date: Sun, 22 Nov 2026 10:30:06 +0100
From: MAILER-DAEMON@relay.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {PATH}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F3D.1763803806/relay.example"

This is a MIME-encapsulated message.

--4F3D.1763803806/relay.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--4F3D.1763803806/relay.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
Original-Envelope-Id: {ATTEMPT}
X-Postfix-Queue-ID: 4F3D
Arrival-Date: Sun, 22 Nov 2026 10:30:04 +0100 (CET)

Final-Recipient: rfc822; ada@reader.example
Original-Recipient: rfc822;ada@reader.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.reader.example
Diagnostic-Code: smtp; 550 5.1.1 <ada@reader.example>: Recipient address rejected:
    User unknown in virtual mailbox table
Last-Attempt-Date: Sun, 22 Nov 2026 10:30:05 +0100

--4F3D.1763803806/relay.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <{PATH}>
From: Dana <campaigns@brightline.mail.example>
To: ada@reader.example
X-TPMA-Attempt: {ATTEMPT}

--4F3D.1763803806/relay.example--
"""

YAHOO = f"""\
From: <feedback@arf.mail.yahoo.example>
To: abuse@mail.example
Date: Sun, 22 Nov 2026 09:30:05 +0000
Subject: FW: An offer
MIME-Version: 1.0
Content-Type: multipart/report; boundary="arf"; report-type=feedback-report

--arf
Content-Type: text/plain

This is an email abuse report.

--arf
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Yahoo!-Mail-Feedback/2.0
Version: 0.1
Original-Mail-From: <{PATH}>
Original-Rcpt-To: ada@reader.example
Arrival-Date: Sun, 22 Nov 2026 09:30:05 +0000
Reported-Domain: mail.example

--arf
Content-Type: message/rfc822

Return-Path: <{PATH}>
From: Dana <campaigns@brightline.mail.example>
To: Ada <ada@reader.example>
Subject: An offer
X-TPMA-Attempt: {ATTEMPT}

Hello
--arf--
"""

OUT_OF_OFFICE = f"""\
From: ada@reader.example
To: {PATH}
Subject: Out of office
Auto-Submitted: auto-replied (vacation)
Content-Type: text/plain

I am away; 550 5.1.1 user unknown.
"""


def said(text):
    return read(text.replace("\n", "\r\n").encode(), VERP, NOW)


def the_only(returned):
    [report] = returned.reports
    return report


def test_a_bounce_as_postfix_writes_it():
    assert said(POSTFIX) == Returned(
        Sort.DELIVERY,
        (
            Report(
                Kind.BOUNCED_HARD,
                ATTEMPT,
                "ada@reader.example",
                THEN,
                "5.1.1",
                "smtp; 550 5.1.1 <ada@reader.example>: Recipient address rejected: "
                "User unknown in virtual mailbox table",
            ),
        ),
    )


def test_line_ends_do_not_matter():
    assert read(POSTFIX.encode(), VERP, NOW) == said(POSTFIX)


@pytest.mark.parametrize(
    ("action", "status", "diagnostic", "kind", "shown"),
    [
        ("failed", "5.1.1", "", Kind.BOUNCED_HARD, "5.1.1"),
        ("failed", "5.1.2", "", Kind.BOUNCED_HARD, "5.1.2"),
        ("failed", "5.1.10", "", Kind.BOUNCED_HARD, "5.1.10"),
        ("failed", "5.4.4", "", Kind.BOUNCED_HARD, "5.4.4"),
        ("failed", "5.2.1", "", Kind.BOUNCED_HARD, "5.2.1"),
        ("failed", "5.2.2", "smtp; 552 5.2.2 mailbox full", Kind.BOUNCED_SOFT, "5.2.2"),
        ("failed", "5.7.1", "smtp; 550 5.7.1 spam", Kind.BOUNCED_SOFT, "5.7.1"),
        ("failed", "5.3.4", "", Kind.BOUNCED_SOFT, "5.3.4"),
        ("failed", "4.4.7", "", Kind.BOUNCED_SOFT, "4.4.7"),
        ("failed", "4.4.1", "no such user", Kind.BOUNCED_SOFT, "4.4.1"),
        ("failed", "5.0.0", "smtp; 550 5.1.1 unknown", Kind.BOUNCED_HARD, "5.1.1"),
        ("failed", "5.0.0", "smtp; 550 5.7.1 policy", Kind.BOUNCED_SOFT, "5.7.1"),
        ("failed", "5.0.0", "smtp; 550 no such user here", Kind.BOUNCED_HARD, "5.0.0"),
        ("failed", "5.0.0", "smtp; 550 mailbox does not exist", Kind.BOUNCED_HARD, "5.0.0"),
        ("failed", "5.0.0", "smtp; 554 rejected as spam", Kind.BOUNCED_SOFT, "5.0.0"),
        ("failed", "5.0.0", "", Kind.BOUNCED_SOFT, "5.0.0"),
        ("failed", "", "", Kind.BOUNCED_SOFT, ""),
        ("Failed (permanently)", "5.1.1", "", Kind.BOUNCED_HARD, "5.1.1"),
        ("delayed", "4.4.1", "", Kind.DELAYED, "4.4.1"),
        ("delivered", "2.0.0", "", Kind.DELIVERED, "2.0.0"),
    ],
)
def test_what_an_action_and_a_status_mean(action, status, diagnostic, kind, shown):
    text = (
        POSTFIX.replace("Action: failed", f"Action: {action}")
        .replace("Status: 5.1.1", f"Status: {status}")
        .replace(
            "smtp; 550 5.1.1 <ada@reader.example>: Recipient address rejected:\n"
            "    User unknown in virtual mailbox table",
            diagnostic,
        )
    )
    report = the_only(said(text))
    assert (report.kind, report.status) == (kind, shown)


@pytest.mark.parametrize("action", ["relayed", "expanded", "", "exploded"])
def test_an_action_that_says_nothing_of_the_end_is_no_report(action):
    assert said(POSTFIX.replace("Action: failed", f"Action: {action}")) == Returned(Sort.DELIVERY)


def test_two_readers_in_one_report_are_two_reports():
    more = "Final-Recipient: rfc822; eve@reader.example\nAction: delayed\nStatus: 4.4.1\n\n"
    text = POSTFIX.replace("Final-Recipient", more + "Final-Recipient", 1)
    assert [(r.kind, r.recipient) for r in said(text).reports] == [
        (Kind.DELAYED, "eve@reader.example"),
        (Kind.BOUNCED_HARD, "ada@reader.example"),
    ]


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Sun, 22 Nov 2026 10:30:05 +0100", THEN),
        ("Thu, 1 Jan 1970 00:00:00 +0000", "arrived"),
        ("Fri, 1 Jan 2100 00:00:00 +0000", "arrived"),
        ("yesterday", "arrived"),
        ("Sun, 99 Nov 2026 10:30:05 +9999", "arrived"),
        ("", "arrived"),
    ],
)
def test_a_clock_that_cannot_be_right_is_not_believed(date, at):
    old = "Last-Attempt-Date: Sun, 22 Nov 2026 10:30:05 +0100"
    report = the_only(said(POSTFIX.replace(old, f"Last-Attempt-Date: {date}")))
    assert report.at == (datetime(2026, 11, 22, 9, 30, 6, tzinfo=UTC) if at == "arrived" else at)


# --- forged


def _forged_path():
    return PATH.replace(PATH.split(".")[1].split("@")[0], "a" * 16)


@pytest.mark.parametrize(
    "path",
    [
        _forged_path(),
        PATH.replace(ATTEMPT, "0" * 32),
        PATH.replace("bounce.mail.example", "bounce.evil.example"),
        VERP.address("f" * 32),  # ours, but not the mail the report names
        f"b+{ATTEMPT}@bounce.mail.example",
        "someone@bounce.mail.example",
        "",
    ],
)
def test_a_bounce_that_names_no_attempt_by_our_own_hand_is_forged(path):
    assert said(POSTFIX.replace(PATH, path)) == Returned(Sort.FORGED)


def test_another_installations_key_is_not_ours():
    theirs = Verp(Signer("other"), VERP.domain).address(ATTEMPT)
    assert VERP.attempt(theirs) is None
    assert said(POSTFIX.replace(PATH, theirs)) == Returned(Sort.FORGED)


@given(st.uuids())
def test_a_return_path_names_its_attempt_in_any_case(attempt):
    address = VERP.address(attempt.hex)
    assert len(address.split("@")[0]) <= 64
    for written in (address, address.upper(), f"<{address}>", f" {address} "):
        assert VERP.attempt(written) == attempt.hex


@given(st.integers(0, 49), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_one_changed_character_is_noticed(place, letter):
    local, domain = PATH.split("@")
    changed = local[:place] + letter + local[place + 1 :]
    assert changed == local or VERP.attempt(f"{changed}@{domain}") is None


# --- complaints


def test_a_complaint_as_yahoo_writes_it():
    assert said(YAHOO) == Returned(
        Sort.COMPLAINT,
        (
            Report(
                Kind.COMPLAINED,
                ATTEMPT,
                "ada@reader.example",
                THEN,
                "abuse",
                "Yahoo!-Mail-Feedback/2.0",
            ),
        ),
    )


@pytest.mark.parametrize("kind", ["abuse", "fraud", "other", "opt-out", "Abuse"])
def test_what_is_a_complaint(kind):
    report = the_only(said(YAHOO.replace("Feedback-Type: abuse", f"Feedback-Type: {kind}")))
    assert (report.kind, report.status) == (Kind.COMPLAINED, kind.lower())


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus", ""])
def test_what_is_no_complaint(kind):
    text = YAHOO.replace("Feedback-Type: abuse", f"Feedback-Type: {kind}")
    assert said(text) == Returned(Sort.COMPLAINT)


def test_a_complaint_whose_return_path_was_taken_out_still_names_its_mail():
    text = YAHOO.replace(f"Original-Mail-From: <{PATH}>\n", "").replace(
        f"Return-Path: <{PATH}>\n", ""
    )
    assert the_only(said(text)).attempt_id == ATTEMPT
    text = text.replace("Original-Rcpt-To: ada@reader.example\n", "")
    assert the_only(said(text)).recipient == "ada@reader.example"  # from the mail's own header


@pytest.mark.parametrize(
    "text",
    [
        YAHOO.replace(PATH, _forged_path()),
        YAHOO.replace(f"X-TPMA-Attempt: {ATTEMPT}", f"X-TPMA-Attempt: {'f' * 32}"),
        YAHOO.replace(PATH, "x@y.example").replace("X-TPMA-Attempt", "X-Other"),
    ],
)
def test_a_complaint_that_contradicts_itself_or_names_nothing_is_forged(text):
    assert said(text) == Returned(Sort.FORGED)


def test_a_complaint_with_headers_only():
    text = YAHOO.replace("Content-Type: message/rfc822", "Content-Type: text/rfc822-headers")
    assert the_only(said(text)).attempt_id == ATTEMPT


# --- everything else


@pytest.mark.parametrize(
    "line",
    [
        "Auto-Submitted: auto-replied (vacation)",
        "Auto-Submitted: auto-generated",
        "X-Autoreply: yes",
        "X-Auto-Response-Suppress: All",
        "Precedence: auto_reply",
    ],
)
def test_an_automatic_answer_is_no_bounce(line):
    text = OUT_OF_OFFICE.replace("Auto-Submitted: auto-replied (vacation)", line)
    assert said(text) == Returned(Sort.AUTO_REPLY)


@pytest.mark.parametrize("line", ["Auto-Submitted: no", "X-Spam: none"])
def test_a_mail_by_a_person_is_nothing_of_ours(line):
    text = OUT_OF_OFFICE.replace("Auto-Submitted: auto-replied (vacation)", line)
    assert said(text) == Returned(Sort.OTHER)


def test_a_bounce_inside_a_forwarded_mail_is_not_ours_to_count():
    inside = POSTFIX.replace("4F3D.1763803806", "inner")
    text = (
        f"To: {PATH}\nContent-Type: multipart/mixed; boundary=b\n\n"
        f"--b\nContent-Type: message/rfc822\n\n{inside}\n--b--\n"
    )
    assert said(text) == Returned(Sort.OTHER)


def test_a_read_receipt_is_automatic():
    text = (
        "To: x@y.example\n"
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
        "--b\nContent-Type: message/disposition-notification\n\nDisposition: displayed\n--b--\n"
    )
    assert said(text) == Returned(Sort.AUTO_REPLY)


def _nested(depth):
    head = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth)
    )
    return head + "\nx\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 1000,
        b"Content-Type: multipart/report\n\n",
        b"Content-Type: message/delivery-status\n\n\n\n\n",
        b"Content-Type: message/feedback-report\nContent-Transfer-Encoding: base64\n\n=\n",
        b"Content-Type: =?x?q?=\xff\n\n",
        b"To: " + b"<" * 100_000,
        b"Content-Type: text/plain\n" * 20_000,
        _nested(3_000).encode(),
        POSTFIX.encode() + b"x" * 5_000_000,
        (POSTFIX + "--4F3D.1763803806/relay.example\n\n" * 10_000).encode(),
    ],
)
def test_a_mail_made_to_break_its_reader_does_not(raw):
    assert read(raw, VERP, NOW).sort in Sort


def _sound(returned):
    assert returned.sort in Sort
    for report in returned.reports:
        assert report.attempt_id == ATTEMPT
        assert report.at <= NOW
        assert "\n" not in report.diagnostic
        assert len(report.diagnostic) <= 500
        assert len(report.recipient) <= 254
        for text in (report.recipient, report.status, report.diagnostic):
            text.encode("utf-8")  # what a database can keep
            assert "\0" not in text


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_make_it_raise(raw):
    _sound(read(raw, VERP, NOW))


@settings(max_examples=300, deadline=None)
@given(
    text=st.sampled_from([POSTFIX, YAHOO, OUT_OF_OFFICE]),
    cuts=st.lists(st.tuples(st.integers(0, 2_500), st.integers(0, 60), st.binary(max_size=30))),
)
def test_no_damage_makes_it_raise_or_name_another_attempt(text, cuts):
    raw = bytearray(text.encode())
    for place, length, instead in cuts:
        raw[place : place + length] = instead
    _sound(read(bytes(raw), VERP, NOW))


_value = st.text(st.characters(exclude_characters="\r\n"), max_size=60)


@settings(max_examples=200, deadline=None)
@given(
    fields=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "Final-Recipient",
                    "Original-Recipient",
                    "Action",
                    "Status",
                    "Diagnostic-Code",
                    "Last-Attempt-Date",
                    "Feedback-Type",
                    "Original-Mail-From",
                    "Original-Rcpt-To",
                ]
            ),
            _value | st.sampled_from(["failed", "delayed", "5.1.1", "abuse", PATH]),
        ),
        max_size=12,
    ),
    sort=st.sampled_from(["delivery-status", "feedback-report"]),
    encoding=st.sampled_from(["7bit", "base64", "quoted-printable", "x-uuencode", "?"]),
)
def test_no_field_makes_it_raise(fields, sort, encoding):
    inside = "".join(f"{name}: {value}\n" for name, value in fields)
    text = (
        f"To: {PATH}\nContent-Type: multipart/report; boundary=b\n\n--b\n"
        f"Content-Type: message/{sort}\nContent-Transfer-Encoding: {encoding}\n\n"
        f"{inside}\n--b\nContent-Type: text/rfc822-headers\n\nX-TPMA-Attempt: {ATTEMPT}\n--b--\n"
    )
    _sound(read(text.encode("utf-8", "surrogatepass"), VERP, NOW))


def test_a_bounce_to_a_partners_own_return_path_is_known_by_its_mac():
    path = VERP.address(ATTEMPT, "bounce.news.brightline.com")
    assert VERP.attempt(path) == ATTEMPT
    assert VERP.attempt(path.replace("brightline", "evil")) is None
    assert said(POSTFIX.replace(PATH, path)).reports[0].attempt_id == ATTEMPT

"""The test mail: how it leaves, what is read of it when it arrives, and what that proves."""

from email import message_from_bytes
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sending.domains.conftest import DOMAIN
from tpma.sending.domains import arrived, known, probing
from tpma.sending.domains.models import DomainState
from tpma.worker.loop import settle

BOTH = "from:subject:list-unsubscribe:list-unsubscribe-post"


def judged(raw, *, results=None, signatures=((DOMAIN, BOTH),)):
    """The mail as a receiving server hands it on; `results` None: it judges nothing."""
    lines = [] if results is None else [f"Authentication-Results: mx.provider.example; {results}"]
    lines += [
        f"DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=t1;\r\n\th={names}; bh=x; b=y"
        for domain, names in signatures
    ]
    return "\r\n".join([*lines, ""]).encode() + raw


GOOD = f"dkim=pass (2048-bit key) header.d={DOMAIN} header.s=t1; spf=pass smtp.mailfrom=x@y.example"


@pytest.fixture
def sent(seeded):
    """A domain whose records stand, and the test mail that has left for it."""
    domain_id = seeded.ready()
    settle(seeded.system)
    [mail] = [one for one in seeded.system.mail.taken if one.rcpt_to == seeded.system.seed.address]
    return domain_id, mail


def test_the_test_mail_leaves_as_a_launch_would(seeded, sent):
    domain_id, mail = sent
    message = message_from_bytes(mail.raw)
    assert mail.mail_from == f"campaigns@{DOMAIN}"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.tenant in seeded.provider.domains[DOMAIN]
    assert mail.configuration_set == f"tpma-{mail.tenant}"
    assert seeded.row(domain_id).state is DomainState.VERIFIED  # not yet proven


def arrive(seeded, raw):
    seeded.system.seed.arrives(raw, seeded.clock())
    seeded.clock.forward(minutes=2)
    settle(seeded.system)


def test_signed_and_aligned_it_makes_the_domain_active(seeded, sent):
    domain_id, mail = sent
    arrive(seeded, judged(mail.raw, results=GOOD))
    row = seeded.row(domain_id)
    assert (row.state, row.probe_aligned) == (DomainState.ACTIVE, True)
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= set(row.signed_headers)
    assert seeded.system.seed.letters(10) == []
    assert seeded.events(domain_id)[-2:] == ["probed", "proven"]


@pytest.mark.parametrize(
    ("results", "signatures", "problem"),
    [
        (None, ((DOMAIN, BOTH),), "probe_unjudged"),
        (f"dkim=fail header.d={DOMAIN}", ((DOMAIN, BOTH),), "probe_unsigned"),
        ("dkim=pass header.d=amazonses.com", (("amazonses.com", BOTH),), "probe_unsigned"),
        (GOOD, ((DOMAIN, "from:list-unsubscribe"),), "probe_uncovered"),
        (GOOD, (("evil.example", BOTH),), "probe_unsigned"),
    ],
)
def test_what_receivers_would_not_take_proves_nothing(seeded, sent, results, signatures, problem):
    domain_id, mail = sent
    arrive(seeded, judged(mail.raw, results=results, signatures=signatures))
    row = seeded.row(domain_id)
    assert (row.state, row.problem) == (DomainState.VERIFIED, problem)


def test_of_two_lines_of_results_only_the_receivers_own_is_believed():
    raw = judged(b"X-TPMA-Probe: " + b"a" * 32 + b"\r\n\r\nx", results=GOOD)
    raw = b"Authentication-Results: mx.provider.example; dkim=fail header.d=x.example\r\n" + raw
    found = arrived.read(raw)
    assert found.was_judged
    assert found.signature_of(DOMAIN) is None


def test_the_signature_that_covers_most_counts():
    raw = judged(
        b"X-TPMA-Probe: " + b"a" * 32 + b"\r\n\r\nx",
        results=f"dkim=pass header.i=@{DOMAIN}; dkim=pass header.d=brightline.com",
        signatures=((DOMAIN, "from"), ("brightline.com", BOTH)),
    )
    assert arrived.read(raw).signature_of(DOMAIN)[0] == "brightline.com"
    assert arrived.read(raw).signature_of(DOMAIN, "s")[0] == DOMAIN


@given(st.binary(max_size=200))
def test_no_mail_breaks_the_reader(noise):
    arrived.read(noise)
    arrived.read(b"X-TPMA-Probe: " + b"b" * 32 + b"\r\nAuthentication-Results: " + noise)


def test_a_mail_of_somebody_else_is_put_aside_and_changes_nothing(seeded, sent):
    domain_id, _mail = sent
    arrive(seeded, judged(b"X-TPMA-Probe: " + uuid4().hex.encode() + b"\r\n\r\nx", results=GOOD))
    assert seeded.row(domain_id).state is DomainState.VERIFIED
    assert seeded.system.seed.letters(10) == []


def test_the_proof_is_asked_for_again_before_it_is_a_month_old(seeded, sent):
    domain_id, mail = sent
    arrive(seeded, judged(mail.raw, results=GOOD))
    first = seeded.row(domain_id).probe_id
    for _day in range(26):
        seeded.clock.forward(days=1)
        settle(seeded.system)
    row = seeded.row(domain_id)
    assert row.probe_id != first
    assert row.state is DomainState.ACTIVE  # until another one says otherwise


def test_without_a_mailbox_no_test_mail_leaves(desk):
    domain_id = desk.ready()
    settle(desk.system)
    assert desk.row(domain_id).probe_sent_at is None
    assert probing.collect(desk.system) == 0


def test_who_takes_mail_for_answers_is_asked_once_a_day(desk):
    assert known.ask_reply_hosts(desk.system) == 0  # no launch yet

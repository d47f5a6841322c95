"""Which domain may be sent from, what DNS has to say of it, and when it is asked again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.core.errors import Conflict, Invalid
from tpma.ports.dns import Answer, Told
from tpma.ports.identities import IdentityState, Record
from tpma.sending.domains import checks, dmarc, rules
from tpma.sending.domains.checks import Verdict
from tpma.sending.domains.models import DomainState
from tpma.sending.domains.rules import DomainEvent

DOMAIN = "news.brightline.com"
OK, MISSING, WRONG, WAITING, UNKNOWN, UNNEEDED = Verdict


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("brightline.com", "news.brightline.com"),
        (" Brightline.COM. ", "news.brightline.com"),
        ("https://www.brightline.co.uk/about", "news.brightline.co.uk"),
        ("dana@brightline.com", "news.brightline.com"),
        ("mail.brightline.com", "mail.brightline.com"),
        ("münchen.de", "news.xn--mnchen-3ya.de"),
    ],
)
def test_a_sub_domain_is_proposed(typed, wanted):
    assert rules.wanted_domain(typed) == wanted


def test_who_wants_the_domain_itself_may_have_it():
    assert rules.wanted_domain("brightline.com", as_it_is=True) == "brightline.com"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("gmail.com", "free mail"),
        ("campaigns.gmx.de", "free mail"),
        ("co.uk", "nobody"),
        ("com", "ending"),
        ("", "no mail domain"),
        ("not a domain", "no mail domain"),
        ("a" * 60 + "." + "b" * 60 + "." + "c" * 60 + "." + "d" * 20 + ".com", "at most 200"),
    ],
)
def test_what_is_nobodys_or_a_providers_is_refused(typed, said):
    with pytest.raises(Invalid, match=said) as told:
        rules.wanted_domain(typed)
    assert told.value.field == "domain"


@pytest.mark.parametrize(
    ("records", "policy"),
    [
        (["v=DMARC1; p=none"], "none"),
        (["v=DMARC1;p=Reject;rua=mailto:a@b.example"], "reject"),
        (["google-site-verification=x", "v=DMARC1; p=quarantine"], "quarantine"),
        ([], None),
        (["v=DMARC1"], None),
        (["v=DMARC1; p=maybe"], None),
        (["v=DMARC12; p=none"], None),
        (["p=none; v=DMARC1"], None),
        (["v=DMARC1; p=none", "v=DMARC1; p=none"], None),
    ],
)
def test_exactly_one_record_with_a_policy_counts(records, policy):
    found = dmarc.policy(records)
    assert (found and found["p"]) == policy


@given(st.lists(st.text(max_size=60), max_size=4))
def test_no_record_breaks_the_reader(records):
    found = dmarc.policy(records)
    assert found is None or found["p"] in ("none", "quarantine", "reject")


@pytest.mark.parametrize(
    ("signing", "domain", "mode", "aligned"),
    [
        ("brightline.com", DOMAIN, "r", True),
        ("mail.brightline.com", DOMAIN, "r", True),
        ("brightline.com", DOMAIN, "s", False),
        (DOMAIN, DOMAIN, "s", True),
        ("amazonses.com", DOMAIN, "r", False),
        ("other.co.uk", "brightline.co.uk", "r", False),
        ("", DOMAIN, "r", False),
    ],
)
def test_alignment_is_that_of_the_registered_domain(signing, domain, mode, aligned):
    assert dmarc.aligned(signing, domain, mode) is aligned


RECORDS = (
    Record("ownership", "TXT", f"_tpma-verify.{DOMAIN}", "tpma-verify=abc"),
    Record("dkim", "CNAME", f"t1._domainkey.{DOMAIN}", "t1.dkim.amazonses.com"),
    Record("dkim", "CNAME", f"t2._domainkey.{DOMAIN}", "t2.dkim.amazonses.com"),
    Record("return_path", "MX", f"bounce.{DOMAIN}", "10 feedback-smtp.eu-west-1.amazonses.com"),
    Record("spf", "TXT", f"bounce.{DOMAIN}", "v=spf1 include:amazonses.com -all"),
)
IDENTITY = IdentityState(
    DOMAIN,
    dkim_domain=DOMAIN,
    dkim_bits=2048,
    dkim_verified=True,
    mail_from=f"bounce.{DOMAIN}",
    mail_from_verified=True,
)
RIGHT = {
    (f"_tpma-verify.{DOMAIN}", "TXT"): ["other", "tpma-verify=abc"],
    (f"t1._domainkey.{DOMAIN}", "CNAME"): ["t1.dkim.amazonses.com"],
    (f"t2._domainkey.{DOMAIN}", "CNAME"): ["T2.dkim.amazonses.com"],
    (f"bounce.{DOMAIN}", "MX"): ["5 feedback-smtp.eu-west-1.amazonses.com"],
    (f"bounce.{DOMAIN}", "TXT"): ["v=spf1 include:amazonses.com ~all"],
    ("_dmarc.brightline.com", "TXT"): ["v=DMARC1; p=none"],
}
FAILED = Answer(Told.FAILED)


def verdicts(records=RECORDS, identity=IDENTITY, **changes):
    """The verdicts with the zone as it should be, but for `changes`: first label, kind → texts."""
    zone = {key: Answer(Told.FOUND, tuple(texts)) for key, texts in RIGHT.items()}
    for place, said in changes.items():
        label, _gap, kind = place.rpartition("_")
        [key] = [k for k in RIGHT if k[0].partition(".")[0].strip("_") == label and k[1] == kind]
        zone[key] = said if isinstance(said, Answer) else Answer(Told.FOUND, tuple(said))
    found = checks.judge(DOMAIN, records, identity, zone)
    return {purpose: one.verdict for purpose, one in found.items()}


def test_a_whole_zone_passes():
    assert set(verdicts().values()) == {OK}


def test_every_record_is_asked_for():
    asked = checks.questions(DOMAIN, RECORDS, IDENTITY.mail_from)
    assert set(RIGHT) | {(f"_dmarc.{DOMAIN}", "TXT")} == set(asked)
    assert len(asked) == len(set(asked))


GONE = Answer(Told.NO_NAME)


@pytest.mark.parametrize(
    ("changes", "purpose", "verdict"),
    [
        ({"tpma-verify_TXT": GONE}, "ownership", MISSING),
        ({"tpma-verify_TXT": ["tpma-verify=else"]}, "ownership", WRONG),
        ({"t2_CNAME": GONE}, "dkim", MISSING),
        ({"t2_CNAME": ["t1.dkim.amazonses.com"]}, "dkim", WRONG),
        ({"bounce_MX": Answer(Told.NO_DATA)}, "return_path", MISSING),
        ({"bounce_MX": ["10 mx.brightline.com"]}, "return_path", WRONG),
        (
            {"bounce_MX": ["10 feedback-smtp.eu-west-1.amazonses.com", "20 mx.brightline.com"]},
            "return_path",
            WRONG,
        ),
        ({"bounce_TXT": ["v=spf1 include:relay.example -all"]}, "spf", WRONG),
        ({"bounce_TXT": ["v=spf1 include:amazonses.com -all", "v=spf1 -all"]}, "spf", WRONG),
        ({"bounce_TXT": ["hello"]}, "spf", MISSING),
        ({"dmarc_TXT": GONE}, "dmarc", MISSING),
        ({"dmarc_TXT": ["v=DMARC1; p=none", "v=DMARC1; p=none"]}, "dmarc", WRONG),
        ({"dmarc_TXT": FAILED}, "dmarc", UNKNOWN),
        ({"tpma-verify_TXT": FAILED}, "ownership", UNKNOWN),
    ],
)
def test_one_record_amiss_is_told_of_it_alone(changes, purpose, verdict):
    found = verdicts(**changes)
    assert found.pop(purpose) is verdict
    assert set(found.values()) == {OK}


def test_the_provider_has_the_word_on_what_is_right_and_dns_on_what_is_gone():
    waits = IdentityState(
        DOMAIN, mail_from=f"bounce.{DOMAIN}", dkim_verified=False, mail_from_verified=True
    )
    assert verdicts(identity=waits)["dkim"] is WAITING
    assert verdicts(t1_CNAME=FAILED)["dkim"] is OK
    assert verdicts(t1_CNAME=GONE)["dkim"] is MISSING


def test_without_a_provider_dns_alone_is_asked():
    alone = IdentityState(DOMAIN, mail_from=f"bounce.{DOMAIN}")
    assert verdicts(identity=alone)["dkim"] is OK
    assert verdicts(identity=alone, t1_CNAME=FAILED)["dkim"] is UNKNOWN
    no_key = tuple(record for record in RECORDS if record.purpose != "dkim")
    assert verdicts(no_key, alone)["dkim"] is UNNEEDED


def test_a_key_is_known_however_its_record_is_cut():
    key = Record("dkim", "TXT", f"tpma._domainkey.{DOMAIN}", "v=DKIM1; k=rsa; p=AAAABBBB")
    for said, verdict in {"v=DKIM1;p=AAAA BBBB": OK, "v=DKIM1; p=CCCC": WRONG}.items():
        zone = {(key.name, "TXT"): Answer(Told.FOUND, (said,))}
        assert checks.judge(DOMAIN, [key], IDENTITY, zone)["dkim"].verdict is verdict


def test_the_domains_own_policy_comes_before_that_above_it():
    zone = {
        (f"_dmarc.{DOMAIN}", "TXT"): Answer(Told.FOUND, ("v=DMARC1; p=reject",)),
        ("_dmarc.brightline.com", "TXT"): Answer(Told.FOUND, ("v=DMARC1; p=none",)),
    }
    assert checks.records_at_dmarc(DOMAIN, zone) == ("v=DMARC1; p=reject",)


def test_a_policy_that_is_nowhere_is_wanted_at_the_domain_itself():
    found = checks.judge(DOMAIN, RECORDS, IDENTITY, {})["dmarc"]
    assert (found.verdict, found.name) == (MISSING, f"_dmarc.{DOMAIN}")


def test_silence_neither_passes_nor_fails():
    zone = dict.fromkeys(RIGHT, FAILED)
    alone = IdentityState(DOMAIN, mail_from=f"bounce.{DOMAIN}")
    found = checks.judge(DOMAIN, RECORDS, alone, zone)
    assert not checks.passes(found)
    assert checks.fails(found) == []


def test_a_server_that_lags_is_named():
    answer = Answer(Told.FOUND, ("tpma-verify=abc",), behind=("ns2.brightline.com",))
    found = checks.judge(DOMAIN, RECORDS[:1], IDENTITY, {RECORDS_NAME: answer})
    assert found["ownership"].behind == ("ns2.brightline.com",)


RECORDS_NAME = (f"_tpma-verify.{DOMAIN}", "TXT")


def test_dns_is_asked_every_five_minutes_then_less_and_not_after_three_days():
    at = {hours: rules.next_look(timedelta(hours=hours)) for hours in (0, 2, 12, 71, 72)}
    assert at[0] == timedelta(minutes=5)
    assert at[0] < at[2] < at[12] < at[71]
    assert at[72] is None


def test_the_states_of_a_domain():
    state = DomainState.UNVERIFIED
    for event, wanted in [
        (DomainEvent.REQUESTED, DomainState.PENDING_DNS),
        (DomainEvent.PASSED, DomainState.VERIFIED),
        (DomainEvent.PROVEN, DomainState.ACTIVE),
        (DomainEvent.FAILED, DomainState.DEGRADED),
        (DomainEvent.PASSED, DomainState.VERIFIED),
        (DomainEvent.SUSPENDED, DomainState.SUSPENDED),
        (DomainEvent.LIFTED, DomainState.DEGRADED),
        (DomainEvent.REMOVED, DomainState.RETIRED),
    ]:
        state = rules.after(state, event)
        assert state is wanted
    for event in DomainEvent:
        with pytest.raises(Conflict):
            rules.after(DomainState.RETIRED, event)


def test_a_domain_a_test_mail_could_prove_is_used_when_one_has():
    assert rules.is_usable(DomainState.ACTIVE, provable=True)
    assert rules.is_usable(DomainState.VERIFIED, provable=False)
    assert not rules.is_usable(DomainState.VERIFIED, provable=True)
    assert not rules.is_usable(DomainState.DEGRADED, provable=False)

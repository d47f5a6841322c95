"""Who sets up sending domains: Amazon SES as the simulator answers it, and SMTP, which asks nobody.

Every `ensure_…` is asked twice, and after somebody has changed things by hand.
"""

import base64
import time
from dataclasses import replace

import boto3
import pytest
from botocore.config import Config
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.simulator.stage import PLAN, Running
from tpma.adapters.identities_ses import SesIdentities
from tpma.adapters.identities_smtp import DkimKey, SmtpIdentities
from tpma.adapters.mail_ses import SesMail
from tpma.adapters.pace import Pace
from tpma.core.errors import Invalid, Unavailable
from tpma.ports.identities import SHARED, DomainSpec, TenantSpec, of_purpose
from tpma.ports.mail import Envelope, Outcome

DOMAIN = "news.brightline.com"
ACME = TenantSpec("brightline-0a1b2c", strict=True)
SET = "tpma-brightline-0a1b2c"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    made = Running(tmp_path_factory.mktemp("identities") / "home", plan=PLAN)
    yield made
    made.stop()


@pytest.fixture
def ses(running):
    return running.client("sesv2")


def provisioner(client, **changes):
    values = {"region": "eu-west-1", "base_set": "tpma", "pace": Pace(1e6)} | changes
    return SesIdentities(lambda: client, **values)


@pytest.fixture
def by_ses(ses):
    made = provisioner(ses)
    made.teardown(DOMAIN)
    return made


def test_a_tenant_keeps_its_own_suppressions_and_tells_its_events(ses, by_ses):
    state = by_ses.ensure_tenant(ACME)
    tenant = ses.get_tenant(TenantName=ACME.name)["Tenant"]
    group = ses.get_configuration_set(ConfigurationSetName=SET)
    [destination] = ses.get_configuration_set_event_destinations(ConfigurationSetName=SET)[
        "EventDestinations"
    ]
    assert tenant["SuppressionAttributes"]["SuppressionScope"] == "TENANT"
    assert (state.reference, state.configuration_set) == (tenant["TenantArn"], SET)
    assert group["DeliveryOptions"]["MaxDeliverySeconds"] == 50_400
    assert set(group["SuppressionOptions"]["SuppressedReasons"]) == {"BOUNCE", "COMPLAINT"}
    assert destination["SnsDestination"]["TopicArn"].endswith(":events")
    assert "OPEN" not in destination["MatchingEventTypes"]
    assert "configuration-set" in state.associated


def test_a_domain_is_signed_returned_and_its_tenants(ses, by_ses):
    spec = DomainSpec(DOMAIN, by_ses.ensure_tenant(ACME))
    state = by_ses.ensure_identity(spec)
    told = ses.get_email_identity(EmailIdentity=DOMAIN)
    assert told["MailFromAttributes"]["MailFromDomain"] == f"bounce.{DOMAIN}"
    assert told["MailFromAttributes"]["BehaviorOnMxFailure"] == "REJECT_MESSAGE"
    assert told["FeedbackForwardingStatus"] is False
    assert told["ConfigurationSetName"] == SET
    assert (state.dkim_bits, state.dkim_verified, state.rejects_without_mx) == (2048, False, True)
    assert state.associated == {"identity", "configuration-set"}
    assert len(of_purpose(state.records, "dkim")) == 3
    # The hosted zone is the one the provider names, not one we know.
    assert of_purpose(state.records, "dkim")[0].value.endswith(".dkim.eu-west-1.amazonses.com")
    assert of_purpose(state.records, "return_path")[0].value == (
        "10 feedback-smtp.eu-west-1.amazonses.com"
    )


def test_asked_again_nothing_changes(ses, by_ses, running):
    first = by_ses.ensure_identity(DomainSpec(DOMAIN, by_ses.ensure_tenant(ACME)))
    before = running.counters()
    assert by_ses.ensure_identity(DomainSpec(DOMAIN, by_ses.ensure_tenant(ACME))) == first
    called = {name for name, count in running.counters().items() if count != before.get(name)}
    assert not {name for name in called if name.startswith(("call.Put", "call.Update"))}


@pytest.mark.parametrize(
    ("harm", "cure"),
    [
        (
            lambda ses: ses.put_email_identity_mail_from_attributes(
                EmailIdentity=DOMAIN, MailFromDomain=f"bounce.{DOMAIN}"
            ),
            lambda told: told["MailFromAttributes"]["BehaviorOnMxFailure"] == "REJECT_MESSAGE",
        ),
        (
            lambda ses: ses.put_email_identity_feedback_attributes(
                EmailIdentity=DOMAIN, EmailForwardingEnabled=True
            ),
            lambda told: told["FeedbackForwardingStatus"] is False,
        ),
        (
            lambda ses: ses.put_email_identity_configuration_set_attributes(
                EmailIdentity=DOMAIN, ConfigurationSetName="tpma"
            ),
            lambda told: told["ConfigurationSetName"] == SET,
        ),
        (
            lambda ses: ses.put_email_identity_dkim_signing_attributes(
                EmailIdentity=DOMAIN,
                SigningAttributesOrigin="AWS_SES",
                SigningAttributes={"NextSigningKeyLength": "RSA_1024_BIT"},
            ),
            lambda told: told["DkimAttributes"]["NextSigningKeyLength"] == "RSA_2048_BIT",
        ),
    ],
)
def test_what_somebody_changed_by_hand_is_mended(ses, by_ses, harm, cure):
    spec = DomainSpec(DOMAIN, by_ses.ensure_tenant(ACME))
    by_ses.ensure_identity(spec)
    harm(ses)
    assert not cure(ses.get_email_identity(EmailIdentity=DOMAIN))
    by_ses.ensure_identity(spec)
    assert cure(ses.get_email_identity(EmailIdentity=DOMAIN))


def test_a_tenants_settings_are_mended_and_what_an_operator_added_stays(ses, by_ses):
    by_ses.ensure_tenant(ACME)
    ses.put_tenant_suppression_attributes(TenantName=ACME.name, SuppressionScope="ACCOUNT")
    ses.put_configuration_set_delivery_options(
        ConfigurationSetName=SET, TlsPolicy="REQUIRE", MaxDeliverySeconds=300
    )
    ses.delete_configuration_set_event_destination(
        ConfigurationSetName=SET, EventDestinationName="tpma-events"
    )
    by_ses.ensure_tenant(TenantSpec(ACME.name, strict=False))
    tenant = ses.get_tenant(TenantName=ACME.name)["Tenant"]
    options = ses.get_configuration_set(ConfigurationSetName=SET)["DeliveryOptions"]
    entity = ses.get_reputation_entity(
        ReputationEntityReference=tenant["TenantArn"], ReputationEntityType="RESOURCE"
    )["ReputationEntity"]
    assert tenant["SuppressionAttributes"]["SuppressionScope"] == "TENANT"
    assert options == {"TlsPolicy": "REQUIRE", "MaxDeliverySeconds": 50_400}
    assert entity["ReputationManagementPolicy"].endswith("/standard")
    assert ses.get_configuration_set_event_destinations(ConfigurationSetName=SET)[
        "EventDestinations"
    ]


def test_the_providers_word_on_dns_is_told(by_ses, running):
    spec = DomainSpec(DOMAIN, by_ses.ensure_tenant(ACME))
    by_ses.ensure_identity(spec)
    running.control("PUT", f"dns/{DOMAIN}", {"dkim": "HOST_NOT_FOUND"})
    assert by_ses.check_identity(spec).trouble == "HOST_NOT_FOUND"
    running.control("PUT", f"dns/{DOMAIN}", {"dkim": "published", "mail_from": "published"})
    found = by_ses.check_identity(spec)
    assert (found.dkim_verified, found.mail_from_verified, found.trouble) == (True, True, "")


def test_a_mail_of_the_partner_is_taken_once_all_is_set_up(by_ses, running, ses):
    """What the provisioner made is what a send needs: SES refuses if one association lacks."""
    spec = DomainSpec(DOMAIN, by_ses.ensure_tenant(ACME))
    by_ses.ensure_identity(spec)
    mail = Envelope(
        attempt_id="b" * 32,
        name="m1-g1",
        mail_from=f"campaigns@{DOMAIN}",
        rcpt_to="ada@reader.example",
        raw=f"From: <campaigns@{DOMAIN}>\r\nTo: ada@reader.example\r\n\r\nx\r\n".encode(),
        tags={"tpma-attempt": "b" * 32},
        tenant=ACME.name,
        configuration_set=SET,
    )
    by_us = SesMail(ses, "tpma")
    assert by_us.send(mail, soon()).outcome is not Outcome.ACCEPTED
    running.control("PUT", f"dns/{DOMAIN}", {"dkim": "published", "mail_from": "published"})
    assert by_us.send(mail, soon()).outcome is Outcome.ACCEPTED
    line = running.journal()[-1]
    assert (line["tenant"], line["configuration_set"]) == (ACME.name, SET)
    other = by_ses.ensure_tenant(TenantSpec("somebody-else", strict=True))
    stolen = replace(mail, tenant=other.name, configuration_set=other.configuration_set)
    assert by_us.send(stolen, soon()).outcome is not Outcome.ACCEPTED


SHARED_DOMAIN = "mail.platform.example"


def shared_mail(tenant):
    address = f"campaigns@brightline.{SHARED_DOMAIN}"
    return Envelope(
        attempt_id="c" * 32,
        name="m2-g1",
        mail_from=address,
        rcpt_to="ada@reader.example",
        raw=f"From: <{address}>\r\nTo: ada@reader.example\r\n\r\nx\r\n".encode(),
        tags={"tpma-attempt": "c" * 32},
        tenant=tenant,
    )


def test_a_mail_from_the_shared_domain_carries_its_partners_tenant(ses, running):
    made = provisioner(ses, shared=SHARED_DOMAIN)
    before = made.ensure_tenant(TenantSpec("harbor-1", strict=True))
    assert SHARED not in before.associated  # the platform's own look comes first
    made.ensure_identity(DomainSpec(SHARED_DOMAIN))
    running.control("PUT", f"dns/{SHARED_DOMAIN}", {"dkim": "published", "mail_from": "published"})
    by_us = SesMail(ses, "tpma")
    assert by_us.send(shared_mail("harbor-1"), soon()).outcome is not Outcome.ACCEPTED
    after = made.ensure_tenant(TenantSpec("harbor-1", strict=True))
    assert after.associated == {"configuration-set", SHARED}
    assert by_us.send(shared_mail("harbor-1"), soon()).outcome is Outcome.ACCEPTED
    line = running.journal()[-1]
    assert (line["tenant"], line["configuration_set"]) == ("harbor-1", "tpma")


def test_the_shared_resources_are_not_taken_for_the_partners_own(ses):
    made = provisioner(ses, shared=SHARED_DOMAIN)
    made.ensure_identity(DomainSpec(SHARED_DOMAIN))
    tenant = made.ensure_tenant(TenantSpec("harbor-2", strict=True))
    assert "identity" not in tenant.associated
    state = made.ensure_identity(DomainSpec("news.harborpoint.com", tenant))
    assert state.associated == {"identity", "configuration-set", SHARED}


def soon():
    return time.clock_gettime(time.CLOCK_BOOTTIME) + 30


def test_a_domain_taken_down_is_unknown_and_may_be_taken_down_again(by_ses):
    spec = DomainSpec(DOMAIN, by_ses.ensure_tenant(ACME))
    by_ses.ensure_identity(spec)
    by_ses.teardown(DOMAIN)
    by_ses.teardown(DOMAIN)
    assert by_ses.check_identity(spec) is None


def test_a_tenant_is_stopped_and_reinstated(by_ses):
    state = by_ses.ensure_tenant(ACME)
    by_ses.set_tenant_sending(state, False)
    assert by_ses.ensure_tenant(ACME).status == "DISABLED"
    by_ses.set_tenant_sending(state, True)
    assert by_ses.ensure_tenant(ACME).status == "ENABLED"


def test_a_provider_out_of_reach_and_a_missing_topic_are_told(ses):
    nobody = boto3.client(
        "sesv2",
        region_name="eu-west-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(Unavailable, match="does not answer"):
        provisioner(nobody).check_identity(DomainSpec(DOMAIN))
    with pytest.raises(Unavailable, match="TPMA_SNS_TOPICS"):
        provisioner(ses, base_set="").ensure_tenant(TenantSpec("other", strict=False))
    nobody.close()


def test_what_the_provider_calls_wrong_is_told_in_its_words(by_ses):
    with pytest.raises(Invalid, match="refuses"):
        by_ses.ensure_identity(DomainSpec("no_domain.example-.com"))


def test_one_call_a_second():
    now, slept = [0.0], []
    pace = Pace(1.0, now=lambda: now[0], sleep=slept.append)
    for _call in range(3):
        pace.wait()
    assert slept == [1.0, 2.0]
    now[0] = 10.0
    pace.wait()
    assert len(slept) == 2


@pytest.fixture(scope="module")
def pem():
    return rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_smtp_wants_our_key_our_bounces_and_the_relays_spf(pem):
    key = DkimKey.of("tpma", pem)
    found = SmtpIdentities(
        bounce_domain="bounce.mail.example", spf_include="_spf.relay.example", key=key
    ).ensure_identity(DomainSpec(DOMAIN))
    said = {record.purpose: (record.kind, record.name, record.value) for record in found.records}
    public = said["dkim"][2].partition("p=")[2]
    assert serialization.load_der_public_key(base64.b64decode(public)).key_size == 2048
    assert said["dkim"][:2] == ("TXT", f"tpma._domainkey.{DOMAIN}")
    assert said["return_path"] == ("MX", f"bounce.{DOMAIN}", "10 bounce.mail.example")
    assert said["spf"][2] == "v=spf1 include:_spf.relay.example -all"
    assert (found.dkim_verified, found.mail_from_verified) == (None, None)


def test_smtp_whose_relay_signs_wants_no_key():
    made = SmtpIdentities(bounce_domain="bounce.mail.example", spf_include="x.example", key=None)
    found = made.check_identity(DomainSpec(DOMAIN))
    assert of_purpose(found.records, "dkim") == []
    assert (found.dkim_domain, made.ensure_tenant(ACME)) == ("", None)
    assert made.ensure_identity(DomainSpec("mail.example")).records == ()


def test_a_key_that_cannot_sign_is_named():
    with pytest.raises(Invalid, match="TPMA_DKIM_KEY_FILE"):
        DkimKey.of("tpma", b"nonsense")

"""Identities, configuration sets, tenants, suppression: what onboarding and polling meet."""

import pytest
from botocore.exceptions import ClientError

NONE, STANDARD, STRICT = (
    f"arn:aws:ses:eu-west-1:aws:reputation-policy/{name}" for name in ("none", "standard", "strict")
)
PREFIX = "arn:aws:ses:eu-west-1:123456789012:"


def code(call, **given):
    with pytest.raises(ClientError) as caught:
        call(**given)
    return caught.value.response["Error"]["Code"]


@pytest.fixture
def domain(ses, number):
    name = f"d{number}.example"
    ses.create_email_identity(
        EmailIdentity=name, DkimSigningAttributes={"NextSigningKeyLength": "RSA_1024_BIT"}
    )
    return name


@pytest.fixture
def tenant(ses, number):
    return ses.create_tenant(
        TenantName=f"t{number}", SuppressionAttributes={"SuppressionScope": "TENANT"}
    )


def test_a_domain_waits_with_three_tokens_and_the_zone_to_point_at(ses, domain):
    told = ses.get_email_identity(EmailIdentity=domain)
    assert (told["IdentityType"], told["VerificationStatus"]) == ("DOMAIN", "PENDING")
    assert told["VerifiedForSendingStatus"] is False
    dkim = told["DkimAttributes"]
    assert len(set(dkim["Tokens"])) == 3
    assert dkim["SigningHostedZone"] == "dkim.eu-west-1.amazonses.com"
    assert (dkim["Status"], dkim["NextSigningKeyLength"]) == ("PENDING", "RSA_1024_BIT")


def test_published_records_verify_a_domain_after_a_while(simulator, ses, domain):
    simulator.plan(account={"verification_delay": 600})
    simulator.control("PUT", f"dns/{domain}", {"dkim": "published"})
    assert ses.get_email_identity(EmailIdentity=domain)["VerificationStatus"] == "PENDING"
    simulator.forward(600)
    told = ses.get_email_identity(EmailIdentity=domain)
    assert told["VerificationStatus"] == told["DkimAttributes"]["Status"] == "SUCCESS"
    assert told["VerifiedForSendingStatus"] is True
    assert told["VerificationInfo"]["LastSuccessTimestamp"]


@pytest.mark.parametrize("error", ["HOST_NOT_FOUND", "TYPE_NOT_FOUND", "INVALID_VALUE"])
def test_wrong_records_are_told_and_end_after_72_hours(simulator, ses, domain, error):
    simulator.control("PUT", f"dns/{domain}", {"dkim": error})
    told = ses.get_email_identity(EmailIdentity=domain)
    assert told["VerificationInfo"]["ErrorType"] == error
    assert told["VerificationStatus"] == "PENDING"
    simulator.forward(72 * 3600 + 1)
    assert ses.get_email_identity(EmailIdentity=domain)["VerificationStatus"] == "FAILED"


def test_records_that_vanish_are_warned_of_before_they_count(simulator, ses, domain):
    simulator.control("PUT", f"dns/{domain}", {"dkim": "published"})
    simulator.control("PUT", f"dns/{domain}", {"dkim": "HOST_NOT_FOUND"})
    told = ses.get_email_identity(EmailIdentity=domain)
    assert told["VerificationStatus"] == "TEMPORARY_FAILURE"
    assert told["VerifiedForSendingStatus"] is True
    simulator.forward(72 * 3600 + 1)
    told = ses.get_email_identity(EmailIdentity=domain)
    assert (told["VerificationStatus"], told["VerifiedForSendingStatus"]) == ("FAILED", False)


def test_the_mail_from_domain_has_its_own_state(simulator, ses, domain):
    given = {"EmailIdentity": domain, "BehaviorOnMxFailure": "REJECT_MESSAGE"}
    put = ses.put_email_identity_mail_from_attributes
    assert code(put, **given, MailFromDomain="bounce.elsewhere.example") == "BadRequestException"
    put(**given, MailFromDomain=f"bounce.{domain}")
    told = ses.get_email_identity(EmailIdentity=domain)["MailFromAttributes"]
    assert told == {
        "MailFromDomain": f"bounce.{domain}",
        "MailFromDomainStatus": "PENDING",
        "BehaviorOnMxFailure": "REJECT_MESSAGE",
    }
    simulator.control("PUT", f"dns/{domain}", {"mail_from": "published"})
    told = ses.get_email_identity(EmailIdentity=domain)["MailFromAttributes"]
    assert told["MailFromDomainStatus"] == "SUCCESS"


def test_switches_of_an_identity_are_kept(ses, domain):
    ses.put_email_identity_feedback_attributes(EmailIdentity=domain, EmailForwardingEnabled=False)
    ses.put_email_identity_dkim_attributes(EmailIdentity=domain, SigningEnabled=False)
    ses.put_email_identity_configuration_set_attributes(
        EmailIdentity=domain, ConfigurationSetName="tpma"
    )
    told = ses.get_email_identity(EmailIdentity=domain)
    assert told["FeedbackForwardingStatus"] is False
    assert told["DkimAttributes"]["SigningEnabled"] is False
    assert told["ConfigurationSetName"] == "tpma"


def test_identities_are_listed_by_pages_and_deleted(ses, domain):
    found, token = [], {}
    while token is not None:
        page = ses.list_email_identities(PageSize=2, **token)
        assert len(page["EmailIdentities"]) <= 2
        found += [each["IdentityName"] for each in page["EmailIdentities"]]
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    assert domain in found
    assert found == sorted(set(found))
    assert code(ses.create_email_identity, EmailIdentity=domain) == "AlreadyExistsException"
    ses.delete_email_identity(EmailIdentity=domain)
    assert code(ses.get_email_identity, EmailIdentity=domain) == "NotFoundException"


def test_an_address_is_an_identity_too(simulator, ses, number):
    address = f"person+{number}@owner.example"
    assert ses.create_email_identity(EmailIdentity=address)["IdentityType"] == "EMAIL_ADDRESS"
    simulator.control("PUT", f"dns/{address}", {"dkim": "published"})
    assert ses.get_email_identity(EmailIdentity=address)["VerifiedForSendingStatus"] is True


@pytest.mark.parametrize("name", ["no_dots", "-x.example", "ex ample.com", "a@"])
def test_what_is_no_domain_is_no_identity(ses, name):
    assert code(ses.create_email_identity, EmailIdentity=name) == "BadRequestException"


def test_a_configuration_set_keeps_what_it_was_given(ses, number):
    name = f"set{number}"
    ses.create_configuration_set(
        ConfigurationSetName=name,
        DeliveryOptions={"TlsPolicy": "REQUIRE", "MaxDeliverySeconds": 50_400},
        SuppressionOptions={"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
    )
    ses.put_configuration_set_reputation_options(
        ConfigurationSetName=name, ReputationMetricsEnabled=True
    )
    ses.put_configuration_set_delivery_options(
        ConfigurationSetName=name, TlsPolicy="OPTIONAL", MaxDeliverySeconds=300
    )
    told = ses.get_configuration_set(ConfigurationSetName=name)
    assert told["DeliveryOptions"] == {"TlsPolicy": "OPTIONAL", "MaxDeliverySeconds": 300}
    assert told["ReputationOptions"]["ReputationMetricsEnabled"] is True
    assert name in ses.list_configuration_sets()["ConfigurationSets"]
    again = code(ses.create_configuration_set, ConfigurationSetName=name)
    assert again == "AlreadyExistsException"
    ses.delete_configuration_set(ConfigurationSetName=name)
    assert code(ses.get_configuration_set, ConfigurationSetName=name) == "NotFoundException"


@pytest.mark.parametrize(
    "options",
    [
        {"ConfigurationSetName": "a b"},
        {"ConfigurationSetName": "x" * 65},
        {"ConfigurationSetName": "x", "DeliveryOptions": {"MaxDeliverySeconds": 299}},
        {"ConfigurationSetName": "x", "DeliveryOptions": {"TlsPolicy": "NEVER"}},
    ],
)
def test_an_impossible_configuration_set_is_refused(ses, options):
    assert code(ses.create_configuration_set, **options) == "BadRequestException"


def test_ten_event_destinations_and_only_to_topics_there_are(ses, number):
    name = f"set{number}"
    ses.create_configuration_set(ConfigurationSetName=name)
    topic = "arn:aws:sns:eu-west-1:123456789012:events"
    create = ses.create_configuration_set_event_destination

    def destination(nth, arn=topic):
        return {
            "ConfigurationSetName": name,
            "EventDestinationName": f"d{nth}",
            "EventDestination": {
                "Enabled": True,
                "MatchingEventTypes": ["SEND"],
                "SnsDestination": {"TopicArn": arn},
            },
        }

    assert code(create, **destination(0, topic + "x")) == "BadRequestException"
    for nth in range(10):
        create(**destination(nth))
    assert code(create, **destination(10)) == "LimitExceededException"
    assert code(create, **destination(3)) == "AlreadyExistsException"
    ses.delete_configuration_set_event_destination(
        ConfigurationSetName=name, EventDestinationName="d0"
    )
    told = ses.get_configuration_set_event_destinations(ConfigurationSetName=name)
    assert [each["Name"] for each in told["EventDestinations"]] == [f"d{n}" for n in range(1, 10)]


def test_a_tenant_is_told_with_its_arn_and_state(ses, tenant):
    arn = f"{PREFIX}tenant/{tenant['TenantName']}/{tenant['TenantId']}"
    assert tenant["TenantArn"] == arn
    told = ses.get_tenant(TenantName=tenant["TenantName"])["Tenant"]
    assert (told["SendingStatus"], told["TenantArn"]) == ("ENABLED", arn)
    assert told["SuppressionAttributes"]["SuppressionScope"] == "TENANT"
    assert tenant["TenantName"] in [t["TenantName"] for t in ses.list_tenants()["Tenants"]]


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "ü"])
def test_a_tenants_name_has_a_grammar(ses, name):
    assert code(ses.create_tenant, TenantName=name) == "BadRequestException"


def test_only_what_is_associated_may_be_used(ses, send, tenant):
    name = tenant["TenantName"]
    wanted = [f"{PREFIX}identity/news.example.com", f"{PREFIX}configuration-set/tpma"]
    for resource in wanted:
        assert code(send, TenantName=name) == "NotFoundException"
        ses.create_tenant_resource_association(TenantName=name, ResourceArn=resource)
    send(TenantName=name)
    told = ses.list_tenant_resources(TenantName=name)["TenantResources"]
    assert {(each["ResourceType"], each["ResourceArn"]) for each in told} == {
        ("EMAIL_IDENTITY", wanted[0]),
        ("CONFIGURATION_SET", wanted[1]),
    }
    owners = ses.list_resource_tenants(ResourceArn=wanted[0])["ResourceTenants"]
    assert name in [each["TenantName"] for each in owners]
    ses.delete_tenant_resource_association(TenantName=name, ResourceArn=wanted[0])
    assert code(send, TenantName=name) == "NotFoundException"


def test_associations_are_of_things_there_are_and_once(ses, tenant):
    def associate(resource):
        return {"TenantName": tenant["TenantName"], "ResourceArn": resource}

    create = ses.create_tenant_resource_association
    assert code(create, **associate(f"{PREFIX}identity/none.example")) == "NotFoundException"
    assert code(create, **associate("arn:aws:s3:::bucket")) == "BadRequestException"
    create(**associate(f"{PREFIX}configuration-set/tpma"))
    again = code(create, **associate(f"{PREFIX}configuration-set/tpma"))
    assert again == "AlreadyExistsException"


def test_an_unknown_tenant_sends_nothing(send):
    assert code(send, TenantName="nobody") == "NotFoundException"


def test_either_side_can_stop_a_tenant(simulator, ses, send, tenant):
    name, arn = tenant["TenantName"], tenant["TenantArn"]
    entity = {"ReputationEntityType": "RESOURCE", "ReputationEntityReference": arn}
    ses.update_reputation_entity_customer_managed_status(**entity, SendingStatus="DISABLED")
    assert code(send, TenantName=name) == "SendingPausedException"
    ses.update_reputation_entity_customer_managed_status(**entity, SendingStatus="ENABLED")
    simulator.control("PUT", f"tenants/{name}", {"status": "DISABLED", "cause": "bounces"})
    told = ses.get_reputation_entity(**entity)["ReputationEntity"]
    assert told["SendingStatusAggregate"] == "DISABLED"
    assert told["AwsSesManagedStatus"]["Cause"] == "bounces"
    ses.update_reputation_entity_customer_managed_status(**entity, SendingStatus="REINSTATED")
    assert ses.get_tenant(TenantName=name)["Tenant"]["SendingStatus"] == "REINSTATED"


def test_a_reputation_policy_is_one_of_three(ses, tenant):
    entity = {
        "ReputationEntityType": "RESOURCE",
        "ReputationEntityReference": tenant["TenantArn"],
    }
    ses.update_reputation_entity_policy(**entity, ReputationEntityPolicy=STRICT)
    told = ses.get_reputation_entity(**entity)["ReputationEntity"]
    assert told["ReputationManagementPolicy"] == STRICT
    wrong = code(
        ses.update_reputation_entity_policy, **entity, ReputationEntityPolicy=STRICT + "er"
    )
    assert wrong == "BadRequestException"


def test_suppressed_addresses_are_found_by_their_exact_spelling(ses, number):
    address = f"Ada{number}@reader.example"
    ses.put_suppressed_destination(EmailAddress=address, Reason="COMPLAINT")
    told = ses.get_suppressed_destination(EmailAddress=address)["SuppressedDestination"]
    assert told["Reason"] == "COMPLAINT"
    assert code(ses.get_suppressed_destination, EmailAddress=address.lower()) == "NotFoundException"
    listed = ses.list_suppressed_destinations(Reasons=["COMPLAINT"])
    assert address in [e["EmailAddress"] for e in listed["SuppressedDestinationSummaries"]]
    ses.delete_suppressed_destination(EmailAddress=address)
    assert code(ses.get_suppressed_destination, EmailAddress=address) == "NotFoundException"


def test_a_tenants_list_is_its_own(ses, tenant):
    name = tenant["TenantName"]
    ses.put_suppressed_destination(
        EmailAddress="a@reader.example", Reason="BOUNCE", TenantName=name
    )
    ses.get_suppressed_destination(EmailAddress="a@reader.example", TenantName=name)
    missing = code(ses.get_suppressed_destination, EmailAddress="a@reader.example")
    assert missing == "NotFoundException"

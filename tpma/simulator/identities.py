"""Operations on domains and addresses one may send from."""

from typing import Any

from tpma.simulator import grammar
from tpma.simulator.chance import digest
from tpma.simulator.configuration import find as find_configuration_set
from tpma.simulator.errors import already_exists, bad_request, not_found
from tpma.simulator.operations import listed, operation, page
from tpma.simulator.state import Dns, Identity
from tpma.simulator.world import World


def create(world: World, given: str) -> Identity:
    """An identity that waits for its DNS records, or its owner's click."""
    is_address = "@" in given
    name = grammar.address(given) if is_address else grammar.domain(given)
    if name in world.state.identities:
        raise already_exists(f"Email identity {name} already exist.")
    made = Identity(name, "EMAIL_ADDRESS" if is_address else "DOMAIN", world.clock.now())
    if not is_address:
        made.tokens = [digest(world.knobs.seed, name, nth).hex() for nth in range(3)]
    world.state.identities[name] = made
    return made


def find(world: World, name: str) -> Identity:
    found = world.state.identities.get(name if "@" in name else name.lower())
    if found is None:
        raise not_found(f"Email identity {name} does not exist.")
    return world.refresh(found)


@operation("CreateEmailIdentity")
def create_identity(world: World, given: dict[str, Any]) -> dict[str, Any]:
    configuration_set = given.get("ConfigurationSetName")
    if configuration_set:
        find_configuration_set(world, configuration_set)
    made = create(world, given["EmailIdentity"])
    made.configuration_set = configuration_set
    made.tags = given.get("Tags", [])
    attributes = given.get("DkimSigningAttributes", {})
    made.key_length = attributes.get("NextSigningKeyLength", made.key_length)
    return {
        "IdentityType": made.type,
        "VerifiedForSendingStatus": made.verified,
        "DkimAttributes": _dkim(world, made),
    }


@operation("GetEmailIdentity")
def get_identity(world: World, given: dict[str, Any]) -> dict[str, Any]:
    found = find(world, given["EmailIdentity"])
    told: dict[str, Any] = {
        "IdentityType": found.type,
        "FeedbackForwardingStatus": found.feedback_forwarding,
        "VerifiedForSendingStatus": found.verified,
        "DkimAttributes": _dkim(world, found),
        "Policies": {},
        "Tags": found.tags,
        "VerificationStatus": found.status,
        "VerificationInfo": _verification(found),
    }
    if found.mail_from:
        told["MailFromAttributes"] = {
            "MailFromDomain": found.mail_from,
            "MailFromDomainStatus": found.mail_from_status,
            "BehaviorOnMxFailure": found.on_mx_failure,
        }
    if found.configuration_set:
        told["ConfigurationSetName"] = found.configuration_set
    return told


def _dkim(world: World, identity: Identity) -> dict[str, Any]:
    if identity.type != "DOMAIN":
        return {"SigningEnabled": False, "Status": "NOT_STARTED"}
    told: dict[str, Any] = {
        "SigningEnabled": identity.signing,
        "Status": identity.status,
        "Tokens": identity.tokens,
        # Not dkim.amazonses.com: a client has to use what it is told.
        "SigningHostedZone": f"dkim.{world.region}.amazonses.com",
        "SigningAttributesOrigin": "AWS_SES",
        "NextSigningKeyLength": identity.key_length,
        "LastKeyGenerationTimestamp": identity.created_at,
    }
    if identity.verified:
        told["CurrentSigningKeyLength"] = identity.key_length
    return told


def _verification(identity: Identity) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if identity.checked_at:
        told["LastCheckedTimestamp"] = identity.checked_at
    if identity.success_at:
        told["LastSuccessTimestamp"] = identity.success_at
    if identity.dns.answer not in ("published", "unchecked"):
        told["ErrorType"] = identity.dns.answer
        told["SOARecord"] = {
            "PrimaryNameServer": "ns1.dns.example",
            "AdminEmail": "hostmaster.dns.example",
            "SerialNumber": 2026030201,
        }
    return told


@operation("ListEmailIdentities")
def list_identities(world: World, given: dict[str, Any]) -> dict[str, Any]:
    names, token = page(given, sorted(world.state.identities))
    found = [find(world, name) for name in names]
    told = [
        {
            "IdentityType": each.type,
            "IdentityName": each.name,
            "SendingEnabled": each.verified,
            "VerificationStatus": each.status,
        }
        for each in found
    ]
    return listed("EmailIdentities", told, token)


@operation("DeleteEmailIdentity")
def delete_identity(world: World, given: dict[str, Any]) -> None:
    gone = find(world, given["EmailIdentity"])
    del world.state.identities[gone.name]
    for tenant in world.state.tenants.values():
        tenant.resources.pop(world.arn(f"identity/{gone.name}"), None)


@operation("PutEmailIdentityMailFromAttributes")
def put_mail_from(world: World, given: dict[str, Any]) -> None:
    identity = find(world, given["EmailIdentity"])
    wanted = given.get("MailFromDomain", "").lower()
    own = identity.name.rpartition("@")[2]
    if wanted and not (grammar.domain(wanted) and wanted.endswith(f".{own}")):
        raise bad_request(
            f"Provided MAIL-FROM domain <{wanted}> is not subdomain of the domain"
            f" of the identity <{identity.name}>."
        )
    if wanted != identity.mail_from:
        identity.mail_from, identity.mail_from_status = wanted, "PENDING"
        identity.mail_from_dns = Dns()
    identity.on_mx_failure = given.get("BehaviorOnMxFailure", "USE_DEFAULT_VALUE")


@operation("PutEmailIdentityFeedbackAttributes")
def put_feedback(world: World, given: dict[str, Any]) -> None:
    find(world, given["EmailIdentity"]).feedback_forwarding = given.get(
        "EmailForwardingEnabled", False
    )


@operation("PutEmailIdentityDkimAttributes")
def put_dkim(world: World, given: dict[str, Any]) -> None:
    find(world, given["EmailIdentity"]).signing = given.get("SigningEnabled", False)


@operation("PutEmailIdentityDkimSigningAttributes")
def put_dkim_signing(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """Another length of SES's own key; keys of a customer's own are not simulated."""
    identity = find(world, given["EmailIdentity"])
    if given["SigningAttributesOrigin"] != "AWS_SES":
        raise bad_request("The simulator signs with keys of its own alone (AWS_SES).")
    attributes = given.get("SigningAttributes", {})
    identity.key_length = attributes.get("NextSigningKeyLength", identity.key_length)
    return {"DkimStatus": identity.status, "DkimTokens": identity.tokens}


@operation("PutEmailIdentityConfigurationSetAttributes")
def put_configuration_set(world: World, given: dict[str, Any]) -> None:
    wanted = given.get("ConfigurationSetName")
    if wanted:
        find_configuration_set(world, wanted)
    find(world, given["EmailIdentity"]).configuration_set = wanted

"""May this mail leave? Account, configuration set, tenant, identities: SES's refusals in order."""

from tpma.simulator.account import quota, rate
from tpma.simulator.composing import Mail
from tpma.simulator.configuration import find as find_configuration_set
from tpma.simulator.errors import QUOTA, RATE, Refusal, not_found, paused, rejected, too_many
from tpma.simulator.fates import SIMULATOR_DOMAIN
from tpma.simulator.state import Identity
from tpma.simulator.tenants import find as find_tenant
from tpma.simulator.world import World


def may_send(world: World, mail: Mail) -> Identity:
    """The identity it is sent from, or a refusal. Fills in the identity's configuration set."""
    account_is_open(world)
    identity = sender(world, mail.sender)
    mail.configuration_set = mail.configuration_set or (
        identity.configuration_set if identity and identity.configuration_set else ""
    )
    _configuration_set_is_open(world, mail)
    _tenant_is_open(world, mail)
    identity = _everybody_is_verified(world, mail, identity)
    _tenant_owns(world, mail, identity)
    _mail_from_is_verified(identity)
    return identity


def account_is_open(world: World) -> None:
    account = world.state.account
    if account.enforcement == "SHUTDOWN":
        raise Refusal(
            "AccountSuspendedException",
            "The account's ability to send email has been permanently restricted.",
        )
    if not account.sending_enabled:
        raise paused(
            "Sending paused for this account. For more information, please check the inbox of"
            " the email address associated with your AWS account."
        )


def _configuration_set_is_open(world: World, mail: Mail) -> None:
    if not mail.configuration_set:
        return
    if not find_configuration_set(world, mail.configuration_set).sending:
        raise paused(f"Sending paused for configuration set {mail.configuration_set}.")


def _tenant_is_open(world: World, mail: Mail) -> None:
    if mail.tenant and find_tenant(world, mail.tenant).sending_status == "DISABLED":
        raise paused(f"Sending paused for tenant {mail.tenant}.")


def sender(world: World, address: str) -> Identity | None:
    """The closest identity: the address itself, its domain, or a domain above that."""
    found = world.state.identities.get(address)
    domain = address.rpartition("@")[2].lower()
    while found is None and "." in domain:
        found = world.state.identities.get(domain)
        domain = domain.partition(".")[2]
    return world.refresh(found) if found else None


def _everybody_is_verified(world: World, mail: Mail, identity: Identity | None) -> Identity:
    """In the sandbox the recipients too."""
    failed = [] if identity and identity.verified else [mail.sender]
    if not world.state.account.production:
        failed += [each for each in mail.destination if not _may_receive(world, each)]
    if failed or identity is None:
        raise rejected(
            "Email address is not verified. The following identities failed the check in region"
            f" {world.region.upper()}: {', '.join(failed)}"
        )
    return identity


def _may_receive(world: World, address: str) -> bool:
    if address.lower().endswith(f"@{SIMULATOR_DOMAIN}"):
        return True
    found = sender(world, address)
    return bool(found and found.verified)


def _tenant_owns(world: World, mail: Mail, identity: Identity) -> None:
    if not mail.tenant:
        return
    wanted = [world.arn(f"identity/{identity.name}")]
    if mail.configuration_set:
        wanted.append(world.arn(f"configuration-set/{mail.configuration_set}"))
    for resource in wanted:
        if resource not in find_tenant(world, mail.tenant).resources:
            raise not_found(f"Resource {resource} is not associated with tenant {mail.tenant}.")


def _mail_from_is_verified(identity: Identity) -> None:
    strict = identity.mail_from and identity.on_mx_failure == "REJECT_MESSAGE"
    if strict and identity.mail_from_status != "SUCCESS":
        raise Refusal(
            "MailFromDomainNotVerifiedException",
            f"MAIL FROM domain {identity.mail_from} is not verified.",
        )


def charge(world: World, recipients: int) -> None:
    """Against the day and the rate; SES lets a call through while anything is left."""
    now, most = world.clock.now(), quota(world)
    if most >= 0 and world.day.sent(now) >= most:
        raise too_many(QUOTA)
    speed = rate(world)
    burst = world.state.account.burst or max(1.0, speed)
    if not world.rate.admits(recipients, speed, burst, now):
        raise too_many(RATE)
    world.day.count(recipients, now)

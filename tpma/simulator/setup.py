"""A plan: the knobs, and what the account holds when a rehearsal begins.

The same JSON at the start (`--plan`) and over the control door. What is there already is kept,
so the same plan may be given again after a restart.
"""

from typing import Any

from tpma.simulator import configuration, identities, tenants
from tpma.simulator.errors import Refusal, bad_request
from tpma.simulator.knobs import turn
from tpma.simulator.state import Dns
from tpma.simulator.world import World

EVENT_TYPES = [
    "SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "DELIVERY_DELAY", "REJECT", "RENDERING_FAILURE",
]  # fmt: skip


def apply(world: World, plan: Any) -> None:
    """Set what a plan names; nothing else changes."""
    if not isinstance(plan, dict):
        raise bad_request("A plan must be a JSON object")
    unknown = set(plan) - set(_PARTS)
    if unknown:
        names = ", ".join(_PARTS)
        raise bad_request(f"{sorted(unknown)[0]} is no part of a plan; use one of: {names}")
    for name, part in _PARTS.items():  # in this order: topics before what publishes to them
        if name in plan:
            part(world, plan[name])
    world.save()


def _seed(world: World, given: Any) -> None:
    turn(world.knobs, {"seed": given}, "plan")
    world.faults.set(world.knobs.seed, world.knobs.faults.rates)


def _account(world: World, given: Any) -> None:
    before = (world.state.account.max_send_rate, world.state.account.burst)
    turn(world.state.account, given, "account")
    if before != (world.state.account.max_send_rate, world.state.account.burst):
        world.rate.forget()


def _events(world: World, given: Any) -> None:
    turn(world.knobs.events, given, "events")
    if not world.knobs.events.blackout:
        world.feed.blackout_over()


def _sns(world: World, given: Any) -> None:
    turn(world.knobs.sns, given, "sns")


def _faults(world: World, given: Any) -> None:
    before = world.knobs.faults.rates
    turn(world.knobs.faults, given, "faults")
    try:
        world.faults.set(world.knobs.seed, world.knobs.faults.rates)
    except Refusal:
        world.knobs.faults.rates = before
        raise


def _queues(world: World, given: Any) -> None:
    for name, attributes in _named(given, "queues"):
        world.sqs.ensure(name, {key: str(value) for key, value in attributes.items()})


def _topics(world: World, given: Any) -> None:
    """Readers of a topic: queues of ours, and web addresses that will be asked first."""
    for name, told in _named(given, "topics"):
        topic = world.sns.create(name)
        for queue in told.get("queues", []):
            world.sqs.ensure(queue)
            world.sns.subscribe(topic.arn, "sqs", world.sqs.arn(queue))
        for endpoint in told.get("endpoints", []):
            world.sns.subscribe(topic.arn, str(endpoint).partition(":")[0], endpoint)


def _configuration_sets(world: World, given: Any) -> None:
    for name, told in _named(given, "configuration_sets"):
        found = world.state.configuration_sets.get(name) or configuration.create(world, name)
        if "topic" in told:
            topic = world.sns.create(told["topic"])
            found.destinations["plan"] = {
                "Enabled": True,
                "MatchingEventTypes": told.get("types", EVENT_TYPES),
                "SnsDestination": {"TopicArn": topic.arn},
            }


def _identities(world: World, given: Any) -> None:
    """`{"news.example.com": "published"}`: the answer of the simulated DNS."""
    if not isinstance(given, dict):
        raise bad_request("identities must be an object of name to DNS answer")
    for name, answer in given.items():
        found = world.state.identities.get(name) or identities.create(world, name)
        publish(world, found.name, {"dkim": answer})


def publish(world: World, name: str, given: Any) -> None:
    """What DNS says from now on of an identity: its DKIM records (or its owner's click), and
    the MX of its MAIL FROM domain."""
    identity = identities.find(world, name)
    if not isinstance(given, dict) or not set(given) <= {"dkim", "mail_from"}:
        raise bad_request("DNS has two parts: dkim and mail_from")
    for part, answer in given.items():
        if answer not in DNS_ANSWERS:
            raise bad_request(f"{part} must be one of: {', '.join(DNS_ANSWERS)}")
        dns = Dns(answer, world.clock.now())
        if part == "dkim":
            identity.dns = dns
        else:
            identity.mail_from_dns = dns
    world.refresh(identity)


DNS_ANSWERS = (
    "published", "unchecked", "HOST_NOT_FOUND", "TYPE_NOT_FOUND", "INVALID_VALUE",
    "DNS_SERVER_ERROR", "SERVICE_ERROR",
)  # fmt: skip


def _tenants(world: World, given: Any) -> None:
    """`{"acme": {"resources": ["identity/example.com", "configuration-set/tpma"]}}`"""
    for name, told in _named(given, "tenants"):
        found = world.state.tenants.get(name) or tenants.create(world, name)
        for resource in told.get("resources", []):
            if world.arn(resource) not in found.resources:
                reference = {"TenantName": name, "ResourceArn": world.arn(resource)}
                tenants.associate(world, reference)


def _named(given: Any, where: str) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(given, dict) or not all(isinstance(v, dict) for v in given.values()):
        raise bad_request(f"{where} must be an object of name to object")
    return list(given.items())


_PARTS = {
    "seed": _seed,
    "account": _account,
    "events": _events,
    "sns": _sns,
    "faults": _faults,
    "queues": _queues,
    "topics": _topics,
    "configuration_sets": _configuration_sets,
    "identities": _identities,
    "tenants": _tenants,
}

"""Operations on configuration sets and where their events go."""

from typing import Any

from tpma.simulator import grammar
from tpma.simulator.errors import Refusal, already_exists, bad_request, not_found
from tpma.simulator.operations import listed, operation, page
from tpma.simulator.state import ConfigurationSet
from tpma.simulator.validation import one_of
from tpma.simulator.world import World

_MOST_DESTINATIONS = 10
_OPTIONS = (
    "TrackingOptions", "DeliveryOptions", "ReputationOptions", "SendingOptions",
    "SuppressionOptions", "VdmOptions", "ArchivingOptions",
)  # fmt: skip


def create(world: World, name: str) -> ConfigurationSet:
    grammar.name("configuration set", name)
    if name in world.state.configuration_sets:
        raise already_exists(f"Configuration set {name} already exists.")
    made = world.state.configuration_sets[name] = ConfigurationSet(name)
    return made


def find(world: World, name: str) -> ConfigurationSet:
    found = world.state.configuration_sets.get(name)
    if found is None:
        raise not_found(f"Configuration set {name} does not exist.")
    return found


@operation("CreateConfigurationSet")
def create_set(world: World, given: dict[str, Any]) -> None:
    if not given.get("ConfigurationSetName"):
        raise bad_request("ConfigurationSetName is required.")
    made = create(world, given["ConfigurationSetName"])
    made.options = {key: given[key] for key in _OPTIONS if key in given}
    made.tags = given.get("Tags", [])


@operation("GetConfigurationSet")
def get_set(world: World, given: dict[str, Any]) -> dict[str, Any]:
    found = find(world, given["ConfigurationSetName"])
    return {
        "ConfigurationSetName": found.name,
        "SendingOptions": {"SendingEnabled": True},
        "ReputationOptions": {"ReputationMetricsEnabled": False},
        **found.options,
        "Tags": found.tags,
    }


@operation("ListConfigurationSets")
def list_sets(world: World, given: dict[str, Any]) -> dict[str, Any]:
    names, token = page(given, sorted(world.state.configuration_sets))
    return listed("ConfigurationSets", names, token)


@operation("DeleteConfigurationSet")
def delete_set(world: World, given: dict[str, Any]) -> None:
    gone = find(world, given["ConfigurationSetName"])
    del world.state.configuration_sets[gone.name]
    for tenant in world.state.tenants.values():
        tenant.resources.pop(world.arn(f"configuration-set/{gone.name}"), None)


def _put(world: World, given: dict[str, Any], options: str) -> None:
    found = find(world, given["ConfigurationSetName"])
    found.options[options] = {k: v for k, v in given.items() if k != "ConfigurationSetName"}


@operation("PutConfigurationSetSendingOptions")
def put_sending(world: World, given: dict[str, Any]) -> None:
    _put(world, {"SendingEnabled": False, **given}, "SendingOptions")


@operation("PutConfigurationSetSuppressionOptions")
def put_suppression(world: World, given: dict[str, Any]) -> None:
    _put(world, given, "SuppressionOptions")


@operation("PutConfigurationSetDeliveryOptions")
def put_delivery(world: World, given: dict[str, Any]) -> None:
    _put(world, given, "DeliveryOptions")


@operation("PutConfigurationSetReputationOptions")
def put_reputation(world: World, given: dict[str, Any]) -> None:
    _put(world, given, "ReputationOptions")


@operation("PutConfigurationSetTrackingOptions")
def put_tracking(world: World, given: dict[str, Any]) -> None:
    _put(world, given, "TrackingOptions")


@operation("CreateConfigurationSetEventDestination")
def create_destination(world: World, given: dict[str, Any]) -> None:
    found = find(world, given["ConfigurationSetName"])
    name = grammar.name("event destination", given["EventDestinationName"])
    if name in found.destinations:
        raise already_exists(f"Event destination {name} already exists.")
    if len(found.destinations) >= _MOST_DESTINATIONS:
        text = f"At most {_MOST_DESTINATIONS} event destinations are allowed."
        raise Refusal("LimitExceededException", text)
    found.destinations[name] = _destination(world, given["EventDestination"])


@operation("UpdateConfigurationSetEventDestination")
def update_destination(world: World, given: dict[str, Any]) -> None:
    found, name = _found(world, given)
    found.destinations[name] = _destination(world, given["EventDestination"])


@operation("DeleteConfigurationSetEventDestination")
def delete_destination(world: World, given: dict[str, Any]) -> None:
    found, name = _found(world, given)
    del found.destinations[name]


@operation("GetConfigurationSetEventDestinations")
def get_destinations(world: World, given: dict[str, Any]) -> dict[str, Any]:
    found = find(world, given["ConfigurationSetName"])
    return {
        "EventDestinations": [{"Name": name, **each} for name, each in found.destinations.items()]
    }


def _found(world: World, given: dict[str, Any]) -> tuple[ConfigurationSet, str]:
    found, name = find(world, given["ConfigurationSetName"]), given["EventDestinationName"]
    if name not in found.destinations:
        raise not_found(f"Event destination {name} does not exist.")
    return found, name


def _destination(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """Topics are published to; an event bus is kept and told nothing."""
    kind = one_of("EventDestination", (key for key in given if key.endswith("Destination")))
    if not given.get("MatchingEventTypes"):
        raise bad_request("MatchingEventTypes must name at least one event type.")
    if kind not in ("SnsDestination", "EventBridgeDestination"):
        raise Refusal("NotImplementedException", f"The simulator has no {kind}.", 501)
    if kind == "SnsDestination" and given[kind]["TopicArn"] not in world.state.topics:
        raise bad_request(f"SNS topic <{given[kind]['TopicArn']}> does not exist.")
    return {"Enabled": False, **given}

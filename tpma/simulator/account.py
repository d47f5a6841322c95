"""Operations on the account and on its suppression lists."""

from typing import Any

from tpma.simulator import grammar
from tpma.simulator.errors import not_found
from tpma.simulator.operations import listed, operation, page
from tpma.simulator.tenants import find as find_tenant
from tpma.simulator.world import World


@operation("GetAccount")
def get_account(world: World, _given: dict[str, Any]) -> dict[str, Any]:
    account = world.state.account
    return {
        "DedicatedIpAutoWarmupEnabled": True,
        "EnforcementStatus": account.enforcement,
        "ProductionAccessEnabled": account.production,
        "SendingEnabled": account.sending_enabled,
        "SendQuota": {
            "Max24HourSend": quota(world),
            "MaxSendRate": rate(world),
            "SentLast24Hours": world.day.sent(world.clock.now()),
        },
        "SuppressionAttributes": {"SuppressedReasons": account.suppressed_reasons},
    }


def rate(world: World) -> float:
    account = world.state.account
    return account.max_send_rate if account.production else min(1.0, account.max_send_rate)


def quota(world: World) -> float:
    """-1 is unlimited; the sandbox has 200."""
    account = world.state.account
    return account.max_24_hour_send if account.production else 200.0


@operation("PutAccountSendingAttributes")
def put_sending(world: World, given: dict[str, Any]) -> None:
    world.state.account.sending_enabled = given.get("SendingEnabled", False)


@operation("PutAccountSuppressionAttributes")
def put_suppression(world: World, given: dict[str, Any]) -> None:
    world.state.account.suppressed_reasons = given.get("SuppressedReasons", [])


@operation("PutSuppressedDestination")
def put_suppressed(world: World, given: dict[str, Any]) -> None:
    owner = _owner(world, given)
    address = grammar.address(given["EmailAddress"])
    entry = [given["Reason"], world.clock.now(), None]
    world.state.suppressed.setdefault(owner, {})[address] = entry


@operation("GetSuppressedDestination")
def get_suppressed(world: World, given: dict[str, Any]) -> dict[str, Any]:
    reason, at, message_id = _suppressed(world, given)
    told = {"EmailAddress": given["EmailAddress"], "Reason": reason, "LastUpdateTime": at}
    if message_id:
        told["Attributes"] = {"MessageId": message_id}
    if "TenantName" in given:
        told["TenantName"] = given["TenantName"]
    return {"SuppressedDestination": told}


@operation("DeleteSuppressedDestination")
def delete_suppressed(world: World, given: dict[str, Any]) -> None:
    _suppressed(world, given)
    del world.state.suppressed[_owner(world, given)][given["EmailAddress"]]


@operation("ListSuppressedDestinations")
def list_suppressed(world: World, given: dict[str, Any]) -> dict[str, Any]:
    reasons = given.get("Reasons") or ["BOUNCE", "COMPLAINT"]
    mine = world.state.suppressed.get(_owner(world, given), {})
    wanted = sorted(address for address, entry in mine.items() if entry[0] in reasons)
    names, token = page(given, wanted)
    summaries = [
        {"EmailAddress": each, "Reason": mine[each][0], "LastUpdateTime": mine[each][1]}
        for each in names
    ]
    return listed("SuppressedDestinationSummaries", summaries, token)


def _owner(world: World, given: dict[str, Any]) -> str:
    """The tenant whose list is meant, "" for the account's."""
    return find_tenant(world, given["TenantName"]).name if "TenantName" in given else ""


def _suppressed(world: World, given: dict[str, Any]) -> list[Any]:
    """By the exact spelling, as SES does."""
    found = world.state.suppressed.get(_owner(world, given), {}).get(given["EmailAddress"])
    if found is None:
        raise not_found("Email address does not exist on your suppression list.")
    return found

"""Operations on tenants: their resources, their reputation, their suppression."""

from typing import Any

from tpma.simulator import grammar
from tpma.simulator.errors import already_exists, bad_request, not_found
from tpma.simulator.operations import listed, operation, page
from tpma.simulator.state import Status, Tenant
from tpma.simulator.world import World

_POLICIES = ("none", "standard", "strict")
_MOST_TAGS = 50


def create(world: World, name: str) -> Tenant:
    grammar.name("tenant", name)
    if name in world.state.tenants:
        raise already_exists(f"Tenant {name} already exists.")
    key = "tn-" + world.new_id("tenant").replace("-", "")[:30]
    made = Tenant(name, key, world.clock.now(), policy=_policy_arn(world, "standard"))
    world.state.tenants[name] = made
    return made


def find(world: World, name: str) -> Tenant:
    found = world.state.tenants.get(name)
    if found is None:
        raise not_found(f"Tenant {name} does not exist.")
    return found


def arn(world: World, tenant: Tenant) -> str:
    return world.arn(f"tenant/{tenant.name}/{tenant.id}")


def _policy_arn(world: World, name: str) -> str:
    return f"arn:aws:ses:{world.region}:aws:reputation-policy/{name}"


def _shown(world: World, tenant: Tenant) -> dict[str, Any]:
    return {
        "TenantName": tenant.name,
        "TenantId": tenant.id,
        "TenantArn": arn(world, tenant),
        "CreatedTimestamp": tenant.created_at,
        "SendingStatus": tenant.sending_status,
    }


def _whole(world: World, tenant: Tenant) -> dict[str, Any]:
    return {
        **_shown(world, tenant),
        "Tags": tenant.tags,
        "SuppressionAttributes": {
            "SuppressionScope": tenant.suppression_scope,
            "SuppressedReasons": tenant.suppressed_reasons
            if tenant.suppressed_reasons is not None
            else world.state.account.suppressed_reasons,
        },
    }


def _set_suppression(tenant: Tenant, given: dict[str, Any]) -> None:
    tenant.suppressed_reasons = given.get("SuppressedReasons", tenant.suppressed_reasons)
    tenant.suppression_scope = given.get("SuppressionScope", tenant.suppression_scope)


@operation("CreateTenant")
def create_tenant(world: World, given: dict[str, Any]) -> dict[str, Any]:
    if len(given.get("Tags", [])) > _MOST_TAGS:
        raise bad_request(f"At most {_MOST_TAGS} tags are allowed.")
    made = create(world, given["TenantName"])
    made.tags = given.get("Tags", [])
    _set_suppression(made, given.get("SuppressionAttributes", {}))
    return _whole(world, made)


@operation("GetTenant")
def get_tenant(world: World, given: dict[str, Any]) -> dict[str, Any]:
    return {"Tenant": _whole(world, find(world, given["TenantName"]))}


@operation("ListTenants")
def list_tenants(world: World, given: dict[str, Any]) -> dict[str, Any]:
    names, token = page(given, sorted(world.state.tenants))
    return listed("Tenants", [_shown(world, world.state.tenants[name]) for name in names], token)


@operation("DeleteTenant")
def delete_tenant(world: World, given: dict[str, Any]) -> None:
    gone = find(world, given["TenantName"])
    del world.state.tenants[gone.name]
    world.state.suppressed.pop(gone.name, None)


@operation("PutTenantSuppressionAttributes")
def put_suppression(world: World, given: dict[str, Any]) -> None:
    _set_suppression(find(world, given["TenantName"]), given)


@operation("CreateTenantResourceAssociation")
def associate(world: World, given: dict[str, Any]) -> None:
    tenant = find(world, given["TenantName"])
    resource = _resource(world, given["ResourceArn"])
    if resource in tenant.resources:
        raise already_exists("The resource is already associated with the tenant.")
    tenant.resources[resource] = world.clock.now()


@operation("DeleteTenantResourceAssociation")
def dissociate(world: World, given: dict[str, Any]) -> None:
    tenant = find(world, given["TenantName"])
    if tenant.resources.pop(given["ResourceArn"], None) is None:
        raise not_found("The resource is not associated with the tenant.")


def _resource(world: World, given: str) -> str:
    """An ARN of something there is."""
    prefix = world.arn("")
    kind, _slash, name = given.removeprefix(prefix).partition("/")
    there: Any = {
        "identity": world.state.identities,
        "configuration-set": world.state.configuration_sets,
    }.get(kind if given.startswith(prefix) else "")
    if there is None:
        raise bad_request("Invalid resource ARN.")
    if name not in there:
        raise not_found(f"Resource {given} does not exist.")
    return given


_KINDS = {"identity": "EMAIL_IDENTITY", "configuration-set": "CONFIGURATION_SET"}


@operation("ListTenantResources")
def list_resources(world: World, given: dict[str, Any]) -> dict[str, Any]:
    arns, token = page(given, sorted(find(world, given["TenantName"]).resources))
    told = [
        {"ResourceType": _KINDS[each.split(":")[5].split("/")[0]], "ResourceArn": each}
        for each in arns
    ]
    return listed("TenantResources", told, token)


@operation("ListResourceTenants")
def list_tenants_of(world: World, given: dict[str, Any]) -> dict[str, Any]:
    resource = given["ResourceArn"]
    owners = sorted(t.name for t in world.state.tenants.values() if resource in t.resources)
    names, token = page(given, owners)
    told = [
        {
            "TenantName": name,
            "TenantId": world.state.tenants[name].id,
            "ResourceArn": resource,
            "AssociatedTimestamp": world.state.tenants[name].resources[resource],
        }
        for name in names
    ]
    return listed("ResourceTenants", told, token)


# The reputation entity of a tenant is its ARN.


def _entity(world: World, given: dict[str, Any]) -> Tenant:
    wanted = given["ReputationEntityReference"]
    for tenant in world.state.tenants.values():
        if arn(world, tenant) == wanted:
            return tenant
    raise not_found(f"Reputation entity {wanted} does not exist.")


def _reputation(world: World, tenant: Tenant) -> dict[str, Any]:
    return {
        "ReputationEntityReference": arn(world, tenant),
        "ReputationEntityType": "RESOURCE",
        "ReputationManagementPolicy": tenant.policy,
        "CustomerManagedStatus": _status(tenant.by_customer),
        "AwsSesManagedStatus": _status(tenant.by_ses),
        "SendingStatusAggregate": tenant.sending_status,
    }


def _status(given: Status) -> dict[str, Any]:
    told: dict[str, Any] = {"Status": given.status}
    if given.cause:
        told["Cause"] = given.cause
    if given.at:
        told["LastUpdatedTimestamp"] = given.at
    return told


@operation("GetReputationEntity")
def get_reputation(world: World, given: dict[str, Any]) -> dict[str, Any]:
    return {"ReputationEntity": _reputation(world, _entity(world, given))}


@operation("ListReputationEntities")
def list_reputation(world: World, given: dict[str, Any]) -> dict[str, Any]:
    names, token = page(given, sorted(world.state.tenants))
    told = [_reputation(world, world.state.tenants[name]) for name in names]
    return listed("ReputationEntities", told, token)


@operation("UpdateReputationEntityPolicy")
def put_policy(world: World, given: dict[str, Any]) -> None:
    wanted = given["ReputationEntityPolicy"]
    if wanted not in [_policy_arn(world, name) for name in _POLICIES]:
        raise bad_request(f"Invalid reputation policy; use one of: {', '.join(_POLICIES)}.")
    _entity(world, given).policy = wanted


@operation("UpdateReputationEntityCustomerManagedStatus")
def put_status(world: World, given: dict[str, Any]) -> None:
    _entity(world, given).by_customer = Status(given["SendingStatus"], "", world.clock.now())

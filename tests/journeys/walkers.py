"""Who walks through the routes, with whose ids, and which of them are another's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import BuildError, MapAdapter, Rule

from tests import factories
from tests.factories.world import Ids, Place, World
from tpma.identity.models import Membership, OrganisationKind
from tpma.identity.rules import ROLES

# Parts of an address that name nobody's property.
HARMLESS: Ids = {
    "asset": "email1",
    "locale": "en",
    "variant": "primary",
    "field": "primary",
    "semver": "1.0.0",
    "filename": "tpma.css",
}
# What else stands in such a part where a page exists for that alone.
ALSO: dict[str, tuple[str, ...]] = {"asset": ("sheet", "post")}
# A part of an address, and the kinds of ids that fit it: the wizard asks for drafts.
KINDS: dict[str, tuple[str, ...]] = {
    "launch_id": ("launch_id", "draft_id"),
    "slug": ("kit_slug",),
    "list_id": ("list_id", "vendors_list_id"),
    "domain_id": ("domain_id", "vendors_domain_id"),
}
# A vendor's own, which no partner may open, whichever vendor it works with.
OF_VENDORS = {"kit_slug", "vendors_list_id", "vendors_domain_id"}
PLATFORM = "the platform"


class Question(NamedTuple):
    """Somebody asks for an address in one part of which another's id stands."""

    who: str
    method: str
    rule: str
    part: str
    kind: str
    whose: str
    rest: str  # whose the other parts are: "theirs", "not theirs", or "" when there are none


@dataclass
class Walker:
    """Somebody with a session, and the ids that are theirs."""

    client: FlaskClient
    name: str
    member: Membership
    ids: Ids  # of their own pages
    owned: dict[str, list[Any]]  # kind of id → all that are theirs

    @property
    def of(self) -> OrganisationKind:
        return self.member.organisation.kind

    def may(self, app: Flask, rule: Rule) -> bool:
        """Whether the guard of this rule has to let them in."""
        kind, permission = app.view_functions[rule.endpoint].tpma_guard
        held = {one for code in self.member.roles for one in ROLES[code]}
        return kind == "signed_in" or (kind in ("member", self.of) and permission in held)


def walkers(app: Flask, world: World) -> Iterator[Walker]:
    """Every role of every organisation; a partner's at each of its places."""
    for member, enrolled in world.members:
        own = [place for place in world.places if _is_theirs(place, member, enrolled)]
        owned = _owned(own, world, member)
        # The operator's own pages are about everybody's organisations and mails.
        ids = (own or world.places)[0].ids | ({} if own else world.platform)
        if member.organisation.kind is OrganisationKind.VENDOR:
            ids = ids | {"membership_id": owned["membership_id"][0]}
            ids |= {part: ids[f"vendors_{part}"] for part in ("list_id", "domain_id")}
        seat = f" at {own[0].vendor.trading_name}" if enrolled else ""
        name = f"{'/'.join(member.roles)} of {member.organisation.trading_name}{seat}"
        client = factories.signed_in(app.test_client(), member, enrolled)
        yield Walker(client, name, member, ids, owned)


def _owned(own: list[Place], world: World, member: Membership) -> dict[str, list[Any]]:
    owned: dict[str, list[Any]] = {}
    for ids in [place.ids for place in own] or [world.platform]:
        for kind, value in ids.items():
            owned.setdefault(kind, []).append(value)
    if member.organisation.kind is OrganisationKind.VENDOR:  # its partners' people are not its own
        company = member.organisation_id
        others = [one for one, _at in world.members if one.organisation_id == company]
        owned["membership_id"] = [one.id for one in others if one is not member]
        owned |= {"list_id": [], "domain_id": []}  # its partners' lists are not its own either
    if member.organisation.kind is OrganisationKind.PARTNER:
        owned |= {"vendors_list_id": [], "vendors_domain_id": []}
    return owned


def _is_theirs(place: Place, member: Membership, enrolled: Any) -> bool:
    if member.organisation.kind is OrganisationKind.VENDOR:
        return place.vendor.id == member.organisation_id
    return enrolled is not None and place.enrolment.id == enrolled.id


def rules_of(app: Flask, method: str = "", *, parts: bool = False) -> list[Rule]:
    """The addresses behind a session; `parts`: those with somebody's ids in them."""
    return [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
        and app.view_functions[rule.endpoint].tpma_guard[0] != "public"
        and (not parts or parts_of(rule))
        and (not method or method in rule.methods)
    ]


def parts_of(rule: Rule) -> list[str]:
    return sorted(rule.arguments - set(HARMLESS))


def kinds_of(part: str) -> tuple[str, ...]:
    return KINDS.get(part, (part,))


def methods_of(rule: Rule) -> list[str]:
    return sorted(rule.methods - {"HEAD", "OPTIONS"})


def address(adapter: MapAdapter, rule: Rule, ids: Ids) -> str:
    """The rule filled in; what the ids do not name becomes an id nobody has."""
    known = HARMLESS | ids
    known.setdefault("slug", known.get("kit_slug", "nothing"))
    try:
        return _built(adapter, rule, known, uuid4())
    except BuildError:
        return _built(adapter, rule, known, 10**12)


def _built(adapter: MapAdapter, rule: Rule, known: Ids, nobodys: Any) -> str:
    values = {part: known.get(part, nobodys) for part in rule.arguments}
    return adapter.build(rule.endpoint, values, force_external=False)


def own_addresses(adapter: MapAdapter, rule: Rule, walker: Walker) -> list[str]:
    """The page with one's own ids: of what is under way, and of what is still a draft."""
    choices = [walker.ids]
    taken_along = rule.endpoint.startswith("own_mailer_portal")
    launch = walker.ids["own_launch_id" if taken_along else "draft_id"]
    for part, also in (ALSO | {"launch_id": (launch,)}).items():
        if part in rule.arguments:
            choices += [ids | {part: value} for ids in choices for value in also]
    return list(dict.fromkeys(address(adapter, rule, ids) for ids in choices))


def _everybody(world: World) -> list[tuple[str, Place | None, Ids]]:
    named = [(f"{p.partner.trading_name} at {p.vendor.trading_name}", p) for p in world.places]
    return [(name, place, place.ids) for name, place in named] + [(PLATFORM, None, world.platform)]


def _is_strange(walker: Walker, rule: Rule, kind: str, place: Place | None, ids: Ids) -> bool:
    """Whether these ids have one of that kind that must not open this rule."""
    if kind not in ids or ids[kind] in walker.owned.get(kind, ()):
        return False
    if walker.of is OrganisationKind.OPERATOR:  # looks after organisations, jobs and the outbox
        return not rule.rule.startswith("/admin/")
    if walker.of is OrganisationKind.PARTNER and place is not None:
        # A partner's things are its own with whichever vendor it works just now, all but the kits.
        return place.partner.id != walker.member.organisation_id or kind in OF_VENDORS
    return True


def foreign_addresses(
    adapter: MapAdapter, rule: Rule, walker: Walker, world: World
) -> Iterator[str]:
    """Addresses that lead to another: all parts theirs, or one of theirs among one's own."""
    parts = parts_of(rule)
    mine = {p: walker.owned[kinds_of(p)[0]][0] for p in parts if walker.owned.get(kinds_of(p)[0])}
    for _name, place, ids in _everybody(world):
        for turn in range(max(len(kinds_of(part)) for part in parts)):
            kinds = {part: kinds_of(part)[min(turn, len(kinds_of(part)) - 1)] for part in parts}
            theirs = {
                part: ids[kind]
                for part, kind in kinds.items()
                if _is_strange(walker, rule, kind, place, ids)
            }
            if theirs:
                yield address(adapter, rule, theirs)
            if len(parts) > 1:
                for part, value in theirs.items():
                    yield address(adapter, rule, mine | {part: value})


def expected(walker: Walker, world: World, rules: Iterable[Rule]) -> set[Question]:
    """Every rule with ids × its parts × kinds that fit × everybody whose that is, for a walker."""
    return {
        Question(walker.name, method, rule.rule, part, kind, name, rest)
        for rule in rules
        for part in parts_of(rule)
        for kind in kinds_of(part)
        for name, place, ids in _everybody(world)
        if _is_strange(walker, rule, kind, place, ids)
        for method in methods_of(rule)
        for rest in (("theirs", "not theirs") if len(parts_of(rule)) > 1 else ("",))
    }


def questions(
    walker: Walker, world: World, adapter: MapAdapter, method: str, path: str
) -> set[Question]:
    """What an address that was asked for was about, read back from the address itself."""
    rule, values = adapter.match(path, method, return_rule=True)
    return {
        Question(walker.name, method, rule.rule, part, kind, name, _rest(ids, part, values))
        for part in parts_of(rule)
        for kind in kinds_of(part)
        for name, place, ids in _everybody(world)
        if ids.get(kind) == values[part] and _is_strange(walker, rule, kind, place, ids)
    }


def _rest(ids: Ids, part: str, values: dict[str, Any]) -> str:
    others = {p: value for p, value in values.items() if p != part and p not in HARMLESS}
    if not others:
        return ""
    theirs = all(ids.get(kinds_of(p)[0]) == value for p, value in others.items())
    return "theirs" if theirs else "not theirs"

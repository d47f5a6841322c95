"""Who may do what: roles and their permissions as one table, told in docs/domain.md.

A door asks for a permission, never for a role. `contacts.*` and `leads.*` open personal data
of a partner's customers, so no vendor role has them: a vendor sees their counts in its report.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.identity.models import OrganisationKind, Sight

VENDOR, PARTNER, OPERATOR = OrganisationKind


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in person at work in one organisation and, for a partner, with one vendor."""

    user_id: UUID
    organisation_id: UUID  # the tenant that acts
    kind: OrganisationKind
    roles: tuple[str, ...]
    membership_id: UUID
    enrolment_id: UUID | None = None  # a partner's place in a programme
    vendor_id: UUID | None = None  # organisation of the vendor of that programme
    name: str = ""
    locale: str = "en"  # BCP 47
    timezone: str = "UTC"  # IANA
    organisation_name: str = ""
    place: str = ""  # said under the name: "Helio Cloud, Gold", "Vendor studio", "Operator"
    theme: str = "light"
    sight: Sight = Sight.ALL  # of a vendor's member: every partner, or those they look after

    @property
    def role_words(self) -> str:
        """The roles as the person reads them: "Marketing, Sales"."""
        return ", ".join(_(ROLE_TABLE[code].label) for code in self.roles if code in ROLE_TABLE)


@dataclass(frozen=True, slots=True)
class Role:
    kind: OrganisationKind
    label: str
    does: str
    permissions: frozenset[str]


def _role(kind: OrganisationKind, label: str, does: str, permissions: str) -> Role:
    return Role(kind, label, does, frozenset(permissions.split()))


ROLE_TABLE: dict[str, Role] = {
    "VA": _role(
        VENDOR,
        lazy("Admin"),
        lazy("Partners, people and settings; publishes kits"),
        "kits.read kits.publish reviews.read brand.read brand.write launch.read deals.read "
        "report.read partners.read partners.write programme.write team.read team.write cost.write "
        "audit.read blocklist.read blocklist.write",
    ),
    "PB": _role(
        VENDOR,
        lazy("Campaign publisher"),
        lazy("Makes and publishes kits"),
        "kits.read kits.publish reviews.read brand.read launch.read report.read partners.read",
    ),
    "BR": _role(
        VENDOR,
        lazy("Brand reviewer"),
        lazy("Decides on partners' versions, may stop a launch"),
        "kits.read reviews.read reviews.decide brand.read brand.write launch.read launch.stop",
    ),
    "CM": _role(
        VENDOR,
        lazy("Channel manager"),
        lazy("Looks after the partners assigned to them"),
        "kits.read reviews.read brand.read launch.read deals.read report.read "
        "partners.read partners.write",
    ),
    "DD": _role(
        VENDOR,
        lazy("Deal desk"),
        lazy("Decides on deal registrations"),
        "deals.read deals.decide report.read partners.read",
    ),
    "EX": _role(
        VENDOR,
        lazy("Executive"),
        lazy("Reads reports, without personal data"),
        "kits.read report.read partners.read",
    ),
    "PA": _role(
        PARTNER,
        lazy("Admin"),
        lazy("Everything of the company except registering deals, and its people"),
        "kits.read brand.read brand.write contacts.read contacts.write launch.read launch.write "
        "launch.stop leads.read leads.write deals.read report.read outbox.read outbox.act "
        "team.read team.write cost.write audit.read",
    ),
    "PM": _role(
        PARTNER,
        lazy("Marketing"),
        lazy("Brands kits, keeps contacts, launches"),
        "kits.read brand.read brand.write contacts.read contacts.write launch.read launch.write "
        "launch.stop leads.read deals.read report.read outbox.read outbox.act cost.write",
    ),
    "PS": _role(
        PARTNER,
        lazy("Sales"),
        lazy("Works leads and registers deals"),
        "kits.read contacts.read launch.read leads.read leads.write deals.read deals.write "
        "report.read outbox.read",
    ),
    "PF": _role(
        PARTNER,
        lazy("Finance"),
        lazy("Enters costs and reads reports"),
        "report.read cost.write",
    ),
    "PV": _role(
        PARTNER,
        lazy("Viewer"),
        lazy("Looks, without contacts or leads"),
        "kits.read brand.read launch.read report.read",
    ),
    "OP": _role(
        OPERATOR,
        lazy("Operator"),
        lazy("Runs the platform: organisations, jobs, the local outbox"),
        "organisations.write jobs.act audit.read outbox.read outbox.act delivery.read delivery.act",
    ),
}

ROLES: dict[str, frozenset[str]] = {code: role.permissions for code, role in ROLE_TABLE.items()}
PERMISSIONS: frozenset[str] = frozenset().union(*ROLES.values())

ADMIN: dict[OrganisationKind, str] = {VENDOR: "VA", PARTNER: "PA", OPERATOR: "OP"}
"""The role that manages the people of an organisation; one of them always stays."""


def first_sight(roles: Iterable[str]) -> Sight:
    """What a new member sees until an admin says otherwise: who is a channel manager and
    nothing else starts with the partners they look after."""
    return Sight.OWN if set(roles) == {"CM"} else Sight.ALL


def narrowed(roles: Iterable[str], sight: Sight) -> bool:
    """Whether a member sees only the partners they look after.

    An admin hands partners out, and so sees all of them.
    """
    return sight is Sight.OWN and ADMIN[VENDOR] not in roles


def allowed(roles: Iterable[str]) -> frozenset[str]:
    """What these roles may do together; a code that no longer exists adds nothing."""
    return frozenset().union(*(ROLES.get(code, frozenset()) for code in roles))


def may(actor: Actor, permission: str) -> bool:
    """Whether one of the actor's roles has the permission. A role counts only in its own kind
    of organisation, so a vendor's role on a partner's membership opens nothing."""
    own = (code for code in actor.roles if code in roles_of(actor.kind))
    return permission in allowed(own)


def roles_of(kind: OrganisationKind) -> dict[str, Role]:
    """The roles a member of such an organisation can have, in the order we show them."""
    return {code: role for code, role in ROLE_TABLE.items() if role.kind is kind}

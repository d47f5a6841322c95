"""Tiers, territories and the states of an enrolment."""

from dataclasses import dataclass

from tpma.core.i18n import gettext, lazy
from tpma.partners.models import EnrolmentState, PartnerType, Persona

PROTECTION_DAYS = 90


@dataclass(frozen=True, slots=True)
class TierDefault:
    key: str
    rank: int
    label: str
    protection_days: int = PROTECTION_DAYS  # of a registered deal


TIERS = (
    TierDefault("registered", 1, lazy("Registered")),
    TierDefault("silver", 2, lazy("Silver")),
    TierDefault("gold", 3, lazy("Gold")),
    TierDefault("platinum", 4, lazy("Platinum")),
)
_TIER_WORDS = {tier.key: tier.label for tier in TIERS}

_TYPES = {
    PartnerType.VAR: lazy("Reseller"),
    PartnerType.MSP: lazy("Managed service provider"),
    PartnerType.ISV: lazy("Software vendor"),
    PartnerType.SI: lazy("System integrator"),
    PartnerType.GSI: lazy("Global system integrator"),
    PartnerType.INFLUENCE: lazy("Influencer"),
    PartnerType.DISTRIBUTOR: lazy("Distributor"),
}
_PERSONAS = {
    Persona.TRANSACTIONAL: lazy("Transactional"),
    Persona.STRATEGIC: lazy("Strategic"),
}

# state → states it may go to (docs/domain.md)
_MOVES: dict[EnrolmentState, frozenset[EnrolmentState]] = {
    EnrolmentState.INVITED: frozenset({EnrolmentState.ACTIVE, EnrolmentState.CLOSED}),
    EnrolmentState.ONBOARDING: frozenset({EnrolmentState.ACTIVE, EnrolmentState.CLOSED}),
    EnrolmentState.ACTIVE: frozenset({EnrolmentState.SUSPENDED, EnrolmentState.CLOSED}),
    EnrolmentState.SUSPENDED: frozenset({EnrolmentState.ACTIVE, EnrolmentState.CLOSED}),
    EnrolmentState.CLOSED: frozenset(),
}


def may_move(state: EnrolmentState, to: EnrolmentState) -> bool:
    return to in _MOVES[state]


def may_launch(state: EnrolmentState) -> bool:
    """Whether new launches, deals and requests may start under the enrolment."""
    return state in (EnrolmentState.ONBOARDING, EnrolmentState.ACTIVE)


def tier_words(key: str) -> str:
    return gettext(_TIER_WORDS[key]) if key in _TIER_WORDS else key


def type_words(kind: PartnerType) -> str:
    return gettext(_TYPES[kind])


def persona_words(persona: Persona) -> str:
    return gettext(_PERSONAS[persona])


def covers(territories: list[str], country: str) -> bool:
    """Whether a partner may sell there; an enrolment without territories covers every country."""
    return not territories or country in territories

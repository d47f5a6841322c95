"""Which domain may be sent from, how its state moves, and when it is looked at again."""

from datetime import timedelta
from enum import StrEnum

from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.core.text import is_free_mail, is_public_suffix, mail_domain, registrable_domain
from tpma.sending.domains.models import DomainState

PREFIX = "news"  # of the sub-domain we propose
CHALLENGE = "_tpma-verify"
LONGEST = 200  # leaves room for the names below it
GIVEN_UP_AFTER = timedelta(hours=72)
DAILY = timedelta(days=1)
AGAIN = timedelta(minutes=20)  # after a check of a good domain failed
FAILURES = 3  # in a row before it counts (DOMAIN 2.7: three times in 24 hours)
PROBE_EVERY = timedelta(days=25)  # HDR-03 holds for thirty
PROBE_WAIT = timedelta(hours=6)  # then another one is sent

# Age of the waiting → pause until the next look. DELIVERY 7: one in five minutes, slower later.
_PAUSES = (
    (timedelta(hours=1), timedelta(minutes=5)),
    (timedelta(hours=6), timedelta(minutes=15)),
    (timedelta(hours=24), timedelta(minutes=30)),
    (GIVEN_UP_AFTER, timedelta(hours=1)),
)


class DomainEvent(StrEnum):
    REQUESTED = "requested"  # the provider knows it, the records are known
    PASSED = "passed"  # every check passes
    PROVEN = "proven"  # a test mail arrived signed and aligned
    FAILED = "failed"  # something that stood is gone
    SUSPENDED = "suspended"
    LIFTED = "lifted"
    MOVED = "moved"  # this installation sends by another way out than before
    REMOVED = "removed"


_U, _P, _V, _A, _D, _S, _R = DomainState
_EVENT = DomainEvent
TRANSITIONS: dict[tuple[DomainState, DomainEvent], DomainState] = {
    (_U, _EVENT.REQUESTED): _P,
    (_P, _EVENT.PASSED): _V,
    (_V, _EVENT.PROVEN): _A,
    (_V, _EVENT.FAILED): _D,
    (_A, _EVENT.FAILED): _D,
    (_D, _EVENT.PASSED): _V,
    (_V, _EVENT.SUSPENDED): _S,
    (_A, _EVENT.SUSPENDED): _S,
    (_D, _EVENT.SUSPENDED): _S,
    (_S, _EVENT.LIFTED): _D,  # looked at once more before anything leaves
    **{(state, _EVENT.MOVED): _U for state in (_U, _P, _V, _A, _D, _S)},
    **{(state, _EVENT.REMOVED): _R for state in (_U, _P, _V, _A, _D, _S)},
}


def after(state: DomainState, event: DomainEvent) -> DomainState:
    """The next state. Raises Conflict where the event means nothing."""
    found = TRANSITIONS.get((state, event))
    if found is None:
        raise Conflict(_("That is not possible any more: the domain has changed meanwhile."))
    return found


def wanted_domain(text: str, *, as_it_is: bool = False) -> str:
    """The domain to send from for what was typed: "example.com" → "news.example.com".

    An address or a web address is read for its domain; a sub-domain stays, and so does any
    domain with `as_it_is`. Raises Invalid(field="domain") for what is nobody's or a provider's.
    """
    typed = text.strip().lower().rpartition("@")[2]
    typed = typed.removeprefix("https://").removeprefix("http://").partition("/")[0]
    host = mail_domain(typed.removeprefix("www."))
    if is_public_suffix(host):
        raise Invalid(
            _(
                "Companies register their names under %(domain)s: it is nobody’s. Enter the "
                "domain of your company.",
                domain=host,
            ),
            field="domain",
        )
    if is_free_mail(host):
        raise Invalid(
            _(
                "%(domain)s is a free mail provider: nobody may send campaigns from it. Enter "
                "the domain of your company.",
                domain=host,
            ),
            field="domain",
        )
    wanted = host if as_it_is or host != registrable_domain(host) else f"{PREFIX}.{host}"
    if len(wanted) > LONGEST:
        raise Invalid(_("Enter a domain of at most 200 characters."), field="domain")
    return wanted


def next_look(waited: timedelta) -> timedelta | None:
    """The pause before DNS is asked again after waiting so long; None: only when asked to."""
    return next((pause for age, pause in _PAUSES if waited < age), None)


def is_usable(state: DomainState, *, provable: bool) -> bool:
    """Whether new launches go out by it: where a test mail can prove it, only when it has."""
    return state is DomainState.ACTIVE or (state is DomainState.VERIFIED and not provable)

"""The life of a message, forward only (docs/delivery.md): what we did is one state, what came of
it is a set of facts."""

from datetime import timedelta
from enum import StrEnum

from tpma.sending.models import FactKind, SendState

S = SendState


class SendEvent(StrEnum):
    """T-numbers are those of docs/delivery.md."""

    SKIP = "skip"  # T2, T6
    QUEUE = "queue"  # T3
    SUBMIT = "submit"  # T7
    ACCEPT = "accept"  # T8, T13, T14
    NOT_SENT = "not_sent"  # T9
    REFUSE = "refuse"  # T10
    DOUBT = "doubt"  # T11, T12
    PROVE_ABSENT = "prove_absent"  # T14
    GIVE_UP = "give_up"  # T15
    RESTORE = "restore"  # T21, by the command alone
    RESEND = "resend"  # T17
    CANCEL = "cancel"  # T18
    EXPIRE = "expire"  # T19
    BURY = "bury"  # T20
    REVIVE = "revive"  # T20 taken back, by a person alone


TRANSITIONS: dict[tuple[SendState, SendEvent], SendState] = {
    (S.PLANNED, SendEvent.SKIP): S.SKIPPED,
    (S.PLANNED, SendEvent.QUEUE): S.QUEUED,
    (S.PLANNED, SendEvent.CANCEL): S.CANCELLED,
    (S.PLANNED, SendEvent.EXPIRE): S.EXPIRED,
    (S.QUEUED, SendEvent.SKIP): S.SKIPPED,
    (S.QUEUED, SendEvent.SUBMIT): S.SUBMITTING,
    (S.QUEUED, SendEvent.CANCEL): S.CANCELLED,
    (S.QUEUED, SendEvent.EXPIRE): S.EXPIRED,
    (S.QUEUED, SendEvent.REFUSE): S.FAILED,
    (S.QUEUED, SendEvent.BURY): S.DEAD,
    # The ledger came out of a backup: the mail may have left since.
    (S.QUEUED, SendEvent.RESTORE): S.IN_DOUBT,
    # Thought unsent, and then it proves to have left: never send it again.
    (S.QUEUED, SendEvent.ACCEPT): S.ACCEPTED,
    (S.SUBMITTING, SendEvent.ACCEPT): S.ACCEPTED,
    (S.SUBMITTING, SendEvent.NOT_SENT): S.QUEUED,
    (S.SUBMITTING, SendEvent.REFUSE): S.FAILED,
    (S.SUBMITTING, SendEvent.DOUBT): S.IN_DOUBT,
    (S.IN_DOUBT, SendEvent.ACCEPT): S.ACCEPTED,
    (S.IN_DOUBT, SendEvent.PROVE_ABSENT): S.QUEUED,
    (S.IN_DOUBT, SendEvent.GIVE_UP): S.UNCONFIRMED,
    (S.UNCONFIRMED, SendEvent.ACCEPT): S.ACCEPTED,
    (S.UNCONFIRMED, SendEvent.RESEND): S.QUEUED,
    (S.DEAD, SendEvent.REVIVE): S.QUEUED,
}

MOST_GENERATIONS = 2  # nobody gets a third copy, whoever asks
TERMINAL = frozenset(
    {S.ACCEPTED, S.SKIPPED, S.FAILED, S.UNCONFIRMED, S.CANCELLED, S.EXPIRED, S.DEAD}
)
# T20. A provider that says "not now" costs a message nothing, for as long as this.
MOST_REQUEUES = 50
WORN_OUT_AFTER = timedelta(hours=72)
# RT-05. The first hundred of a launch, or a twentieth, go first; the rest waits for their events.
CANARY_WAIT = timedelta(minutes=15)


def canary(readers: int) -> int:
    """How many mails go first; 0 if that would be nearly all of them."""
    first = max(100, -(-readers // 20))
    return first if readers >= 2 * first else 0


class Unsendable(StrEnum):
    """Why a queued message was not even tried."""

    GONE = "gone"  # the person was erased
    INVALID = "invalid"  # a value that may not stand in a mail
    POISON = "poison"  # cannot be built, or came back for days


AFTER_UNSENDABLE: dict[Unsendable, SendEvent] = {
    Unsendable.GONE: SendEvent.SKIP,
    Unsendable.INVALID: SendEvent.REFUSE,
    Unsendable.POISON: SendEvent.BURY,
}

# Which fact is shown when there are several: the worst news wins.
_PRECEDENCE = (
    FactKind.COMPLAINED,
    FactKind.BOUNCED_HARD,
    FactKind.BOUNCED_SOFT,
    FactKind.REJECTED,
    FactKind.DELIVERED,
    FactKind.DELAYED,
    FactKind.ACCEPTED,
)


def shown_status(state: SendState, facts: set[FactKind]) -> str:
    """The one word for a message in a list: the worst fact, else what we did with it."""
    return next((fact.value for fact in _PRECEDENCE if fact in facts), state.value)

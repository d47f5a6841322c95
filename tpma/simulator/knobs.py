"""What can be turned while the simulator runs; a wrong name or value is told with its cure."""

from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from tpma.simulator.errors import bad_request


def knob(
    default: Any, *, least: float | None = None, most: float | None = None, one_of: Any = ()
) -> Any:
    return field(default=default, metadata={"least": least, "most": most, "one_of": one_of})


@dataclass
class Account:
    """Limits and state of the account; kept over a restart."""

    max_send_rate: float = knob(14.0, least=0.01)  # recipients a second
    burst: float | None = knob(None, least=1)  # recipients at once; None: one second's worth
    max_24_hour_send: float = knob(50_000.0, least=-1)  # -1: unlimited
    management_rate: float = knob(0.0, least=0)  # calls a second but sends; 0: unlimited
    production: bool = knob(True)  # False: the sandbox
    sending_enabled: bool = knob(True)
    enforcement: str = knob("HEALTHY", one_of=("HEALTHY", "PROBATION", "SHUTDOWN"))
    verification_delay: float = knob(0.0, least=0)  # seconds from DNS published to verified
    suppressed_reasons: list[str] = field(default_factory=lambda: ["BOUNCE", "COMPLAINT"])


@dataclass
class Events:
    delay: float = knob(0.2, least=0)  # seconds from Send to Delivery or Bounce
    duplicates: float = knob(0.0, least=0, most=1)
    reorder: float = knob(0.0, least=0)  # seconds by which events may overtake each other
    drop: float = knob(0.0, least=0, most=1)
    blackout: bool = knob(False)  # the feed is down: events wait until it is back


@dataclass
class Sns:
    signature_version: str = knob("1", one_of=("1", "2"))  # of topics made from now on
    base_url: str = knob("")  # of certificate and confirmation links; "": this simulator
    retries: int = knob(3, least=0, most=100)
    retry_delay: float = knob(20.0, least=0)
    timeout: float = knob(15.0, least=0.1, most=60)
    sign: bool = knob(True)  # False: empty signatures, for measuring the rest


@dataclass
class Faults:
    hang_seconds: float = knob(120.0, least=0)
    rates: dict[str, float] = field(default_factory=dict)  # fault → share of submissions


@dataclass
class Knobs:
    seed: int = knob(1)
    events: Events = field(default_factory=Events)
    sns: Sns = field(default_factory=Sns)
    faults: Faults = field(default_factory=Faults)


def turn(target: Any, changes: Any, where: str) -> None:
    """Set knobs of a dataclass; nested ones by nested objects."""
    if not isinstance(changes, dict):
        raise bad_request(f"{where} must be an object")
    known = {each.name: each for each in fields(target)}
    for name, value in changes.items():
        if name not in known:
            raise bad_request(f"{where}.{name} is unknown; use one of: {', '.join(known)}")
        now = getattr(target, name)
        if hasattr(now, "__dataclass_fields__"):
            turn(now, value, f"{where}.{name}")
        else:
            setattr(target, name, _checked(known[name], now, value, f"{where}.{name}"))


def _checked(knob: Any, now: Any, value: Any, where: str) -> Any:
    optional = knob.default is None
    if optional and value is None:
        return None
    kind = float if optional else type(now)
    if kind in (dict, list):
        return _collection(kind, value, where)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise bad_request(f"{where} must be of type {kind.__name__}")
    _within(knob, value, where)
    return value


def _collection(kind: Any, value: Any, where: str) -> Any:
    if type(value) is not kind:
        raise bad_request(f"{where} must be of type {kind.__name__}")
    if kind is dict and not all(_is_share(share) for share in value.values()):
        raise bad_request(f"{where}: every value must be a share from 0 to 1")
    return value


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _within(knob: Any, value: Any, where: str) -> None:
    meta = knob.metadata
    least, most, one_of = meta.get("least"), meta.get("most"), meta.get("one_of")
    if one_of and value not in one_of:
        raise bad_request(f"{where} must be one of: {', '.join(one_of)}")
    if least is not None and value < least:
        raise bad_request(f"{where} must be at least {least:g}")
    if most is not None and value > most:
        raise bad_request(f"{where} must be at most {most:g}")


def plain(target: Any) -> dict[str, Any]:
    """The knobs as they stand, for JSON."""
    return {
        each.name: plain(value) if hasattr(value, "__dataclass_fields__") else value
        for each in fields(target)
        for value in [getattr(target, each.name)]
        if each.default is not MISSING or each.default_factory is not MISSING
    }

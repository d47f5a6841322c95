"""Networks of data centres and mail security vendors (BOT-06), from a file that can be replaced."""

import ipaddress
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path

from tpma.core.errors import Invalid

_SHIPPED = Path(__file__).with_name("bot_networks.txt")
_ADDRESSES = 4096  # remembered: one that comes again is not taken apart again
_file: list[Path] = [_SHIPPED]  # the one in use in this process


@dataclass(frozen=True, slots=True)
class Networks:
    """`as_of` is the day the list was made. Addresses are kept as numbers, first and last of each
    network by its version, in order."""

    as_of: date
    firsts: dict[int, list[int]]
    lasts: dict[int, list[int]]

    def __len__(self) -> int:
        return sum(map(len, self.firsts.values()))

    def has(self, address: str) -> bool:
        """Whether an address is in one of them; False for what is no address."""
        try:
            found = ipaddress.ip_address(address.split("%")[0])
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found
        firsts = self.firsts.get(found.version, [])
        place = bisect_right(firsts, int(found)) - 1
        return place >= 0 and int(found) <= self.lasts[found.version][place]


def parsed(text: str) -> Networks:
    """A list as its file has it. Raises Invalid, naming the line."""
    as_of: date | None = None
    found: dict[int, list[ipaddress.IPv4Network | ipaddress.IPv6Network]] = {4: [], 6: []}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.partition("#")[0].strip()
        try:
            if line.startswith("as-of:"):
                as_of = date.fromisoformat(line.removeprefix("as-of:").strip())
            elif line:
                network = ipaddress.ip_network(line)
                found[network.version].append(network)
        except ValueError as error:
            raise Invalid(f"line {number} of the list of networks: {error}") from error
    if as_of is None:
        raise Invalid("The list of networks names no day: write a line like as-of: 2026-11-30")
    merged = {n: list(ipaddress.collapse_addresses(some)) for n, some in found.items()}  # type: ignore[type-var]
    return Networks(
        as_of,
        {n: [int(one.network_address) for one in some] for n, some in merged.items()},
        {n: [int(one.broadcast_address) for one in some] for n, some in merged.items()},
    )


def use(path: Path | None) -> None:
    """Take the list of this file, or the one we ship. Raises Invalid if it cannot be read."""
    chosen = path or _SHIPPED
    try:
        _read(chosen)
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"TPMA_BOT_NETWORKS: {chosen} cannot be read: {error}") from error
    except Invalid as error:
        raise Invalid(f"TPMA_BOT_NETWORKS: {chosen}: {error.message}") from error
    _file[0] = chosen


def current() -> Networks:
    return _read(_file[0])


def is_listed(address: str) -> bool:
    return _has(_file[0], address)


@lru_cache(_ADDRESSES)
def _has(path: Path, address: str) -> bool:
    return _read(path).has(address)


@cache
def _read(path: Path) -> Networks:
    return parsed(path.read_text())

"""The clock a reader lives by, as far as a country tells it (`zones.toml`, dated).

A country with several zones is served by the one most of its people live in: of a reader in
California we know "US" and no more, and New York's morning is nobody's night there.
"""

import tomllib
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_FILE = Path(__file__).with_name("zones.toml")


@lru_cache(maxsize=1)
def main_zones() -> dict[str, str]:
    """ISO country → IANA name."""
    found = tomllib.loads(_FILE.read_text(encoding="utf-8"))["main"]
    return {str(country): str(name) for country, name in found.items()}


def zone_of(country: str, otherwise: str) -> str:
    """The zone of a country; `otherwise` where the country is unknown or this machine's time
    zone data does not have its zone."""
    name = main_zones().get(country, otherwise)
    return name if is_known(name) else otherwise


@lru_cache(maxsize=512)
def is_known(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True

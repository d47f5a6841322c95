"""Every room's job handlers, imported so that they register themselves."""

from importlib import import_module
from importlib.util import find_spec

ROOMS = (
    "identity", "partners", "kits", "branding", "audiences", "launches", "sending", "pages",
    "tracking", "leads", "deals", "measurement", "program",
)  # fmt: skip


def load() -> None:
    """Import `tpma.<room>.jobs` wherever a room has one."""
    for room in ROOMS:
        name = f"tpma.{room}.jobs"
        if find_spec(name) is not None:
            import_module(name)

"""Where the files that travel with the product are: a checkout or an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def _data(name: str) -> Path:
    packed = _PACKAGE / "_data" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name


def kits_folder() -> Path:
    return _data("campaigns_library")


def locales_folder() -> Path:
    return _data("locales")


def migrations_folder() -> Path:
    return _data("migrations")

"""What a value of kit.toml may be: each check answers what to write instead, or None."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from babel import Locale, UnknownLocaleError

from tpma.core.i18n import gettext as _
from tpma.kits.intake import is_plain_path

Check = Callable[[Any], str | None]
"""Answers what is wrong with a value, in a sentence that says what to write, or None."""

_SEMVER = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")


def text(most: int, least: int = 1) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return _("Write a text in quotes.")
        if not least <= len(value.strip()) <= most:
            return _("Write %(least)s to %(most)s characters.", least=least, most=most)
        return None

    return check


def matching(pattern: str, meaning: str) -> Check:
    compiled = re.compile(pattern)

    def check(value: Any) -> str | None:
        if isinstance(value, str) and compiled.fullmatch(value):
            return None
        return _("Write %(meaning)s.", meaning=_(meaning))

    return check


def one_of(*allowed: str) -> Check:
    def check(value: Any) -> str | None:
        if isinstance(value, str) and value in allowed:
            return None
        return _("Write one of: %(allowed)s.", allowed=", ".join(filter(None, allowed)))

    return check


def list_of(item: Check, least: int = 0, most: int = 300) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, list):
            return _("Write a list in square brackets.")
        if not least <= len(value) <= most:
            return _("Write %(least)s to %(most)s entries.", least=least, most=most)
        if len({repr(entry) for entry in value}) < len(value):
            return _("Name each entry once.")
        return next(filter(None, map(item, value)), None)

    return check


def whole_number(least: int, most: int) -> Check:
    def check(value: Any) -> str | None:
        if type(value) is int and least <= value <= most:
            return None
        return _("Write a whole number from %(least)s to %(most)s.", least=least, most=most)

    return check


def true_or_false(value: Any) -> str | None:
    return None if isinstance(value, bool) else _("Write true or false.")


def a_date(value: Any) -> str | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return None
    return _("Write a date without quotes, for example 2026-12-31.")


def a_path(value: Any) -> str | None:
    if isinstance(value, str) and is_plain_path(value):
        return None
    return _("Write the path of a file inside the kit, for example assets/hero.png.")


def a_locale(value: Any) -> str | None:
    if isinstance(value, str) and _TAG.fullmatch(value) and _is_known(value):
        return None
    return _("Write language tags such as de, pt-BR or zh-Hant.")


def _is_known(tag: str) -> bool:
    try:
        Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return False
    return True


def a_country(value: Any) -> str | None:
    known = Locale("en").territories
    if isinstance(value, str) and re.fullmatch("[A-Z]{2}", value) and value in known:
        return None
    return _("Write countries by their ISO 3166-1 codes, for example DE.")


def a_semver(value: Any) -> str | None:
    if isinstance(value, str) and _SEMVER.fullmatch(value):
        return None
    return _("Write a version of three numbers, for example 1.2.0.")

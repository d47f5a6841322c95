"""A mail as a form with {{fields}}, for providers that put a reader's values in themselves.

They substitute and do nothing else: no value is escaped there, so each is escaped here, and a field
of the HTML part has a name of its own.
"""

from collections.abc import Iterable, Mapping, Sequence

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _

TOKEN_FIELD = {"token": "{{token}}"}


def name(hole: str, suffix: str = "") -> str:
    return hole.replace(".", "_") + suffix


def field(hole: str, suffix: str = "") -> str:
    return "{{" + name(hole, suffix) + "}}"


def fields(holes: Iterable[str], suffix: str = "") -> dict[str, str]:
    return {hole: field(hole, suffix) for hole in holes} | TOKEN_FIELD


def written(runs: Sequence[str], filled: Mapping[str, str]) -> str:
    """The runs with what stands in their holes. Raises Invalid if the static text, or where it
    meets a field, would be read as another one."""
    whole = "".join(filled[run] if at % 2 else run for at, run in enumerate(runs))
    expected = sum(filled[hole].startswith("{{") for hole in runs[1::2])
    if whole.count("{{") != expected or "{{{" in whole or "}}}" in whole.replace(" ", ""):
        raise Invalid(
            _("This mail has double curly brackets in its words. Write them apart."),
            field="braces",
        )
    return whole

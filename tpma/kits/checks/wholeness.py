"""Is all there that a launch needs? asset.complete, form.fields, consent, keys used twice."""

from collections.abc import Iterator

from tpma.core.i18n import gettext as _
from tpma.kits.draft import Draft
from tpma.kits.faults import Fault
from tpma.kits.schema import RESERVED, Row


def faults(draft: Draft) -> Iterator[Fault]:
    yield from _kit(draft)
    yield from _assets(draft)
    yield from _twice(draft)
    yield from _form(draft)
    yield from _consents(draft)
    yield from _legal(draft)


def _kit(draft: Draft) -> Iterator[Fault]:
    if draft.locales and draft.source_locale not in draft.locales:
        message = _("Name the source locale among the locales, too.")
        yield draft.at("schema", message, "kit", "locales")
    dates = draft.part("dates")
    if "embargo" in dates and "retires" in dates and dates["retires"] < dates["embargo"]:
        message = _("The kit would retire before anybody may see it.")
        yield draft.at("schema", message, "dates", "retires")


def _assets(draft: Draft) -> Iterator[Fault]:
    rows = draft.rows("asset")
    kinds = [row["kind"] for row in rows]
    wanted = (
        ("email", _("A kit needs a mail at day 0.")),
        ("landing_page", _("A kit needs one landing page.")),
        ("pdf", _("A kit needs one PDF.")),
        ("social_post", _("A kit needs a social post.")),
    )
    for kind, message in wanted:
        if kind not in kinds:
            yield draft.at("asset.complete", message, "asset", 0)
    if "email" in kinds and not any(_is_first(row) for row in rows):
        yield draft.at("asset.complete", _("A kit needs a mail at day 0."), "asset", 0)
    for row in [row for row in rows if row["kind"] == "landing_page"][1:]:
        yield draft.at_row("asset.complete", _("A kit has one landing page."), row, "kind")


def _is_first(row: Row) -> bool:
    at_start = row.get("after") != "trigger" and not row.get("hours", 0)
    return row["kind"] == "email" and row["day"] == 0 and at_start


def _twice(draft: Draft) -> Iterator[Fault]:
    for name in ("asset", "image", "link"):
        yield from _repeated(draft, draft.rows(name), "key", "schema")
    yield from _repeated(draft, draft.rows("consent"), "purpose", "consent")
    yield from _repeated(draft, draft.rows("legal"), "unit", "consent")
    yield from _repeated(draft, draft.form.get("field", []), "key", "form.fields")
    seen: set[tuple[str, str]] = set()
    for row in draft.rows("slot"):
        if (row["asset"], row["key"]) in seen:
            message = _("This slot is declared twice.")
            yield draft.at_row("schema", message, row, "key")
        seen.add((row["asset"], row["key"]))
    for row in draft.rows("asset"):
        if row["key"] in RESERVED:
            message = _("%(key)s begins other ids. Choose another key.", key=row["key"])
            yield draft.at_row("schema", message, row, "key")


def _repeated(draft: Draft, rows: list[Row], key: str, rule: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for row in rows:
        if row[key] in seen:
            message = _("%(value)s is here twice.", value=row[key])
            yield draft.at_row(rule, message, row, key)
        seen.add(row[key])


def _form(draft: Draft) -> Iterator[Fault]:
    rows: list[Row] = draft.form.get("field", [])
    if not any(
        row["type"] == "email" and row["required"] and row["maps_to"] == "email" for row in rows
    ):
        message = _("The form needs a required field of type email that maps to email.")
        yield draft.at("form.fields", message, "form", "field", 0)
    mapped = [row for row in rows if row["maps_to"]]
    yield from _repeated(draft, mapped, "maps_to", "form.fields")
    for row in rows:
        yield from _field(draft, row)


def _field(draft: Draft, row: Row) -> Iterator[Fault]:
    if row["type"] == "select" and "options" not in row:
        message = _("A select needs its options.")
        yield draft.at_row("form.fields", message, row, "type")
    if row["type"] != "select" and "options" in row:
        message = _("Only a select has options.")
        yield draft.at_row("form.fields", message, row, "options")
    if (row["maps_to"] == "email") != (row["type"] == "email"):
        message = _("A field of type email maps to email, and no other does.")
        yield draft.at_row("form.fields", message, row, "maps_to")


def _consents(draft: Draft) -> Iterator[Fault]:
    rows = draft.rows("consent")
    if not any(row["purpose"] == "partner_marketing" for row in rows):
        message = _("A kit asks at least for the consent partner_marketing.")
        yield draft.at("consent", message, "consent", 0)
    legal = {row["unit"] for row in draft.rows("legal")}
    for row in rows:
        if f"consent.{row['purpose']}" not in legal:
            message = _(
                "Add [[legal]] for consent.%(purpose)s: a consent never falls back to another "
                "language.",
                purpose=row["purpose"],
            )
            yield draft.at_row("consent", message, row, "purpose")
        named = {"partner", "vendor"} if row["purpose"] == "share_with_vendor" else {"partner"}
        if set(row["recipients"]) != named:
            message = _("This consent names: %(named)s.", named=", ".join(sorted(named)))
            yield draft.at_row("consent", message, row, "recipients")


def _legal(draft: Draft) -> Iterator[Fault]:
    units = {source.id for source in draft.sources}
    languages = {tag.split("-")[0] for tag in draft.locales}
    for row in draft.rows("legal"):
        if row["unit"] not in units:
            message = _("The kit has no text %(unit)s.", unit=row["unit"])
            yield draft.at_row("schema", message, row, "unit")
        for tag in row["valid_for"]:
            if tag.split("-")[0] not in languages:
                message = _("The kit has no text that could be served for %(tag)s.", tag=tag)
                yield draft.at_row("consent", message, row, "valid_for")

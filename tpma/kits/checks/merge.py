"""Template tags and merge fields: template, field.unknown, field.fallback, page.form, mail.code."""

from collections.abc import Iterator

from tpma.core.i18n import gettext as _
from tpma.kits import fields
from tpma.kits.draft import Draft
from tpma.kits.faults import Fault
from tpma.kits.templates import Template


def faults(draft: Draft) -> Iterator[Fault]:
    for template in draft.templates.values():
        for message, line in template.faults:
            yield Fault(template.file, line, "template", message)
    for row, template in draft.of_kind("email", "landing_page", "pdf", "social_post"):
        yield from _unknown(draft, template, row["kind"])
        yield from _once(template, row["kind"])
    yield from _in_manifest(draft)
    yield from _fallbacks(draft)


def _unknown(draft: Draft, template: Template, kind: str) -> Iterator[Fault]:
    allowed = fields.of_kind(kind) | _declared(draft)
    for name, line in template.fields:
        if name not in allowed:
            yield Fault(template.file, line, "field.unknown", _why(name, kind))


def _declared(draft: Draft) -> set[str]:
    return {f"link.{row['key']}" for row in draft.rows("link")} | {
        f"image.{row['key']}" for row in draft.rows("image")
    }


def _why(name: str, kind: str) -> str:
    if name in fields.MAIL_ONLY:
        return _("{{ %(name)s }} exists in mails only.", name=name)
    if name in fields.PAGE_ONLY:
        return _("{{ %(name)s }} exists on the landing page only.", name=name)
    if name.startswith(("link.", "image.")):
        part, key = name.split(".", 1)
        return _("Declare %(key)s under [[%(part)s]] in kit.toml.", key=key, part=part)
    return _("There is no merge field {{ %(name)s }}. See the table of the format.", name=name)


def _once(template: Template, kind: str) -> Iterator[Fault]:
    """What must stand in the template, whatever else does."""
    if template.faults:
        return  # nobody knows what stands in it
    names = [name for name, _line in template.fields]
    if kind == "landing_page" and names.count("form") != 1:
        line = [line for name, line in template.fields if name == "form"][1:2] or [1]
        message = _(
            "The page needs {{ form }} once; it has it %(count)s times.", count=names.count("form")
        )
        yield Fault(template.file, line[0], "page.form", message)
    if kind in ("email", "pdf") and "launch.code" not in names:
        message = _("Print the campaign code: {{ launch.code }}.")
        yield Fault(template.file, 1, "mail.code", message)


def _in_manifest(draft: Draft) -> Iterator[Fault]:
    """Merge fields in the texts of kit.toml: subjects name the person, the form names companies."""
    mails = {row["key"] for row in draft.rows("asset") if row["kind"] == "email"}
    own = {row["file"] for row in draft.rows("asset")}
    for source in draft.sources:
        if source.file in own:
            continue
        part, key = source.id.split(".", 1)
        allowed: frozenset[str] = frozenset()
        if part in mails:
            allowed = fields.PERSON
        elif part == "consent" or source.id in ("form.intro", "form.thanks_text", "form.title"):
            allowed = fields.IN_FORM_TEXTS
        for name in fields.used_in(source.text):
            if name not in allowed:
                message = _("%(unit)s may not use {{ %(name)s }}.", unit=source.id, name=name)
                yield Fault(source.file, source.line, "field.unknown", message)


def _fallbacks(draft: Draft) -> Iterator[Fault]:
    declared = draft.part("fields")
    for name, (file, line) in _person_fields(draft).items():
        missing = [tag for tag in draft.locales if tag not in declared.get(name, {})]
        if missing:
            message = _(
                "%(name)s has no fallback for %(locales)s. Add it under [fields] in kit.toml.",
                name=name,
                locales=", ".join(missing),
            )
            yield Fault(file, line, "field.fallback", message)
    for name in declared:
        if name not in fields.PERSON:
            message = _("Only person.first_name, person.last_name and person.company have one.")
            yield draft.at("field.unknown", message, "fields", name)


def _person_fields(draft: Draft) -> dict[str, tuple[str, int]]:
    """Each person field that is used, with the first place."""
    found: dict[str, tuple[str, int]] = {}
    for _row, template in draft.of_kind("email"):
        for name, line in template.fields:
            if name in fields.PERSON:
                found.setdefault(name, (template.file, line))
    for source in draft.sources:
        for name in fields.used_in(source.text):
            if name in fields.PERSON:
                found.setdefault(name, (source.file, source.line))
    return found

"""From a kit's page to the landing page of a launch, frozen, and the small pages around it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from html import escape
from typing import Any

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.localization.rules import PSEUDO, legal_text_locale, page_language
from tpma.rendering import merge
from tpma.rendering.content import ConsentSpec, FormField, KitContent
from tpma.rendering.facts import BrandFacts, LaunchFacts, VendorFacts
from tpma.rendering.form import ConsentBox, Form, Question, card
from tpma.rendering.frame import Frame, document, frame_of
from tpma.rendering.holes import Holes
from tpma.rendering.links import direct_links
from tpma.rendering.template import Html, expand, fill_plain

FORM = "form"


@dataclass(frozen=True)
class PageArtifact:
    """A landing page in one language; the form is put in anew for every reader."""

    frame: Frame
    title: str
    description: str
    before: str  # HTML of the kit's page up to the form
    after: str
    form: Form
    thanks_title: str
    thanks_text: str

    @property
    def locale(self) -> str:
        return self.frame.tag

    def to_bytes(self) -> bytes:
        """Canonical JSON: equal pages are equal bytes."""
        return json.dumps(
            asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":")
        ).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "PageArtifact":
        raw: dict[str, Any] = json.loads(stored)
        form = raw["form"]
        questions = tuple(Question(**_tuples(one)) for one in form["questions"])
        consents = tuple(ConsentBox(**_tuples(one)) for one in form["consents"])
        raw["form"] = Form(**{**form, "questions": questions, "consents": consents})
        return cls(**{**raw, "frame": Frame(**raw["frame"])})

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `to_bytes()`, hexadecimal: the page's version, for caches."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def _tuples(part: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in part.items()}


def compile_page(
    content: KitContent,
    served_locale: str,
    *,
    requested: str,
    brand: BrandFacts,
    vendor: VendorFacts,
    launch: LaunchFacts,
    slots: Mapping[str, str],
    brand_css_url: str,
    marks: bool = False,
) -> PageArtifact:
    """The landing page for readers of `requested`; `slots` as in `compile_mail`.

    Raises Invalid if a consent may not be shown to them in any of the kit's languages.
    """
    asset = content.page
    tag = page_language(requested, served_locale)
    texts = merge.asset_texts(content, asset.key, served_locale)
    own = merge.of_asset(slots, asset.key)
    facts = merge.facts(tag, brand, vendor, launch)
    holes = Holes(hashlib.sha256(repr((asset.source, texts, own, facts)).encode()).hexdigest())
    links = direct_links(content, asset.key, brand, launch, "landing")
    values = {**facts, **links, FORM: Html(holes.hole(FORM))}
    main = holes.runs(expand(asset.source, texts, own, values, marks=marks))
    if len(main) != 3:
        raise Invalid(_("The page of a kit needs its form exactly once."), field=asset.file)
    said = _Said(content, served_locale, facts)
    return PageArtifact(
        frame=frame_of(tag, brand, vendor, brand_css_url, launch.code),
        title=own.get("subject") or said(asset.subject),
        description=said(asset.preheader),
        before=main[0],
        after=main[2],
        form=_form(content, said, requested),
        thanks_title=said("form.thanks_title"),
        thanks_text=said("form.thanks_text"),
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """The kit's texts in one language as plain text; "" for one the kit does not have."""

    content: KitContent
    locale: str
    facts: Mapping[str, str]

    def __call__(self, unit: str) -> str:
        if unit not in self.content.units:
            return ""
        return fill_plain(merge.text_of(self.content, unit, self.locale), self.facts)


def _form(content: KitContent, said: _Said, requested: str) -> Form:
    return Form(
        title=said("form.title"),
        intro=said("form.intro"),
        submit=said("form.submit"),
        questions=tuple(_question(field, said) for field in content.fields),
        consents=tuple(_consent(one, content, requested, said.facts) for one in content.consents),
    )


def _question(field: FormField, said: _Said) -> Question:
    return Question(
        key=field.key,
        type=field.type,
        required=field.required,
        maps_to=field.maps_to,
        label=said(field.label),
        options=tuple(said(option) for option in field.options),
    )


def _consent(
    spec: ConsentSpec, content: KitContent, requested: str, facts: Mapping[str, str]
) -> ConsentBox:
    locale = legal_text_locale(content.units[spec.text], requested)
    if locale is None:
        raise Invalid(
            _(
                "The consent %(purpose)s has no text for %(locale)s, and consents are never shown "
                "in another language. The vendor can add it or declare a text valid for it.",
                purpose=spec.purpose,
                locale=requested,
            ),
            field=spec.text,
        )
    text = fill_plain(merge.text_of(content, spec.text, locale), facts)
    kept = content.source_locale if locale in PSEUDO else locale
    return ConsentBox(spec.purpose, spec.version, spec.recipients, text, kept)


def render_page(
    artifact: PageArtifact,
    *,
    action: str,
    token_fields: Mapping[str, str],
    values: Mapping[str, str],
    faults: Mapping[str, str],
    preferences_url: str = "",
    style_url: str = "",
) -> str:
    """The page with its form: `token_fields` hidden in it, `values` entered, `faults` marked.

    `style_url` is one more style sheet, by which the visit shows that a browser made it.

    `faults` are those of `form.faults`: field → key of `page_texts`.
    """
    form = card(
        artifact.form,
        artifact.locale,
        action=action,
        token_fields=token_fields,
        values=values,
        faults=faults,
    )
    return document(
        artifact.frame,
        artifact.title,
        f"<main>{artifact.before}{form}{artifact.after}</main>",
        description=artifact.description,
        preferences_url=preferences_url,
        narrow=False,
        style_url=style_url,
    )


def thanks_page(
    artifact: PageArtifact, *, preferences_url: str = "", sheet: tuple[str, str] = ("", "")
) -> str:
    """After the form was sent, in the kit's words, with the way to the data sheet: (address,
    words); no address, no way."""
    paragraphs = "".join(
        f"<p>{escape(line)}</p>" for line in artifact.thanks_text.splitlines() if line
    )
    address, words = sheet
    if address:
        paragraphs += f'<p><a class="go" href="{escape(address)}">{escape(words)}</a></p>'
    main = f'<main class="narrow"><h1>{escape(artifact.thanks_title)}</h1>{paragraphs}</main>'
    return document(artifact.frame, artifact.thanks_title, main, preferences_url=preferences_url)


def sample(artifact: PageArtifact) -> str:
    """The page as a preview shows it: the real form, which leads nowhere."""
    return render_page(artifact, action="#form", token_fields={}, values={}, faults={})

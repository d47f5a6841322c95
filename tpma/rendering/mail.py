"""From a kit's MJML to the skeleton that every mail of a launch is made from."""

import hashlib
from collections.abc import Iterable, Mapping
from html import escape

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.signing import link_character
from tpma.localization.rules import PSEUDO, page_language
from tpma.rendering import merge
from tpma.rendering.content import AssetSpec, KitContent
from tpma.rendering.facts import BrandFacts, LaunchFacts, VendorFacts
from tpma.rendering.footer import footer
from tpma.rendering.headers import Addressed, Letterhead
from tpma.rendering.holes import Holes
from tpma.rendering.links import direct_links
from tpma.rendering.skeleton import MailSkeleton
from tpma.rendering.template import Html, TemplateFault, expand, fill_plain, scan
from tpma.rendering.text import plain_text
from tpma.rendering.wire import FOOTER, PERSON, TOKEN

__all__ = [
    "LARGEST",
    "MOST_LINKS",
    "UNSUBSCRIBE",
    "Addressed",
    "Letterhead",
    "MailSkeleton",
    "compile_mail",
    "signed_links",
]

MOST_LINKS = 63  # signed ones in all mails of a kit: each has one link character
TRAP = 63  # the number of the link that no person sees; it leads to the landing page
UNSUBSCRIBE = "%%UNSUBSCRIBE%%"  # stands for the tag of the mailer a partner sends with
LARGEST = 102_400  # bytes of HTML; Gmail cuts off what follows


def compile_mail(
    content: KitContent,
    asset_key: str,
    served_locale: str,
    *,
    requested: str,
    brand: BrandFacts,
    vendor: VendorFacts,
    launch: LaunchFacts,
    slots: Mapping[str, str],
    link_numbers: Mapping[str, int],
    countries: Iterable[str] = (),
    marks: bool = False,
    own_mailer: bool = False,
    subject: str = "subject",
) -> MailSkeleton:
    """The mail as it will be sent to every reader of `requested`.

    `slots` holds the partner's words and `link_numbers` the numbers of the signed links, both
    by `<key>` or `<asset>.<key>`; `countries` are those of the readers. With `marks` the slots
    are marked for a preview. With `own_mailer` the token of its links is one of the launch, the
    way out is UNSUBSCRIBE, and no open is counted. `subject` names the text of the subject.
    Raises Invalid if the kit's text, the partner's facts or the size forbid it.
    """
    asset = content.asset(asset_key)
    tag = page_language(requested, served_locale)
    footers = _footers(brand, vendor, countries, tag)
    holes = Holes(_salt(asset.source, tag, brand, vendor, launch, slots, content))
    own = merge.of_asset(slots, asset_key)
    values = {
        **merge.facts(tag, brand, vendor, launch),
        **_unsigned(content, asset_key, brand, launch),
        **_links(merge.of_asset(link_numbers, asset_key), launch, holes, own_mailer=own_mailer),
        **{name: Html(holes.hole(name)) for name in (*PERSON, FOOTER)},
    }
    texts = merge.asset_texts(content, asset_key, served_locale)
    source = expand(asset.source, texts, own, values, marks=marks, protect=holes.keep)
    html = _with_signs(holes.restored(_compiled(asset, source)), launch, holes, unless=own_mailer)
    skeleton = MailSkeleton(
        asset=asset_key,
        locale=tag,
        subject_runs=holes.runs(_subject(subject, texts, own, values)),
        html_runs=holes.runs(html),
        text_runs=holes.runs(plain_text(html)),
        fallbacks=_fallbacks(content, served_locale),
        footers=footers,
        marked=marks,
    )
    _refuse_too_large(skeleton)
    return skeleton


def signed_links(content: KitContent, asset_key: str) -> list[str]:
    """The declared links a mail uses, as `<asset>.<link key>`, in the order they appear."""
    asset = content.asset(asset_key)
    declared = {f"link.{link.key}": f"{asset_key}.{link.key}" for link in content.links}
    used = dict.fromkeys(name for name, _line in scan(asset.source, asset.file).fields)
    return [declared[name] for name in used if name in declared]


def _salt(*everything: object) -> str:
    return hashlib.sha256(repr(everything).encode()).hexdigest()[:20]


def _footers(
    brand: BrandFacts, vendor: VendorFacts, countries: Iterable[str], tag: str
) -> dict[str, tuple[str, str]]:
    return {
        country: footer(brand.company, vendor, country, tag, brand.privacy_url, brand.imprint_url)
        for country in sorted({"", *countries})
    }


def _links(
    numbers: Mapping[str, int], launch: LaunchFacts, holes: Holes, *, own_mailer: bool
) -> dict[str, str]:
    base, token = escape(launch.base_url.rstrip("/")), holes.hole(TOKEN)
    way = "m" if own_mailer else "c"
    signed = {
        f"link.{key}": Html(f"{base}/{way}/{token}{link_character(number)}")
        for key, number in numbers.items()
        if launch.tracks_readers
    }
    way_out = UNSUBSCRIBE if own_mailer else f"{base}/u/{token}"
    return {**signed, "link.unsubscribe": Html(way_out)}


def _unsigned(
    content: KitContent, asset_key: str, brand: BrandFacts, launch: LaunchFacts
) -> dict[str, Html]:
    """Links that tell nothing of their reader, with the campaign's code alone."""
    if launch.tracks_readers:
        return {}
    found = direct_links(content, asset_key, brand, launch, "email")
    return {name: Html(escape(address)) for name, address in found.items()}


def _compiled(asset: AssetSpec, source: str) -> str:
    from mjml import mjml2html  # when a mail is compiled, which most processes never do

    try:
        return str(mjml2html(source, fonts={}))  # else it links to fonts of Google
    except ValueError as error:
        raise TemplateFault(
            _("%(file)s does not compile: %(why)s", file=asset.file, why=str(error)), 1
        ) from error


def _with_signs(html: str, launch: LaunchFacts, holes: Holes, *, unless: bool) -> str:
    """The open pixel, and a link no person sees: who follows it is a machine (BOT-03)."""
    if unless or not launch.tracks_readers:
        return html
    base, token = escape(launch.base_url.rstrip("/")), holes.hole(TOKEN)
    pixel = (
        f'<img src="{base}/o/{token}.gif" width="1" height="1" alt="" '
        'style="display:block;border:0" />'
    )
    trap = (
        f'<a href="{base}/c/{token}{link_character(TRAP)}" rel="nofollow" tabindex="-1" '
        'aria-hidden="true" style="display:none"></a>'
    )
    head, _body_end, tail = html.rpartition("</body>")
    return f"{head}{trap}{pixel}</body>{tail}"


def _subject(
    name: str, texts: Mapping[str, str], slots: Mapping[str, str], values: Mapping[str, str]
) -> str:
    own = slots.get(name)
    return " ".join((own or fill_plain(texts[name], values)).split())


def _fallbacks(content: KitContent, locale: str) -> dict[str, str]:
    language = content.source_locale if locale in PSEUDO else locale
    return {name: content.fallbacks.get(name, {}).get(language, "") for name in PERSON}


def _refuse_too_large(skeleton: MailSkeleton) -> None:
    longest = max(len(html.encode()) for html, _text in skeleton.footers.values())
    size = sum(len(run.encode()) for run in skeleton.html_runs[::2]) + longest
    size += sum(24 if name == TOKEN else 40 for name in skeleton.html_runs[1::2])
    if size > LARGEST:
        raise Invalid(
            _(
                "This mail has %(size)s bytes; mail programs cut it off after %(most)s.",
                size=size,
                most=LARGEST,
            ),
            field=skeleton.asset,
        )

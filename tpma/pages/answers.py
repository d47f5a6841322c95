"""How pages for visitors are put together and answered; used by this room's door and by those
downstream that show the same pages (`leads.public`, `tracking.public`)."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any
from uuid import UUID

from flask import Response, make_response, request, url_for

from tpma.core.i18n import babel_locale
from tpma.pages import queries, rules
from tpma.pages.models import LandingPage
from tpma.pages.visiting import fresh_token
from tpma.rendering.page import PageArtifact, render_page
from tpma.web.context import system
from tpma.web.security import scriptless


def form_page(
    page: LandingPage,
    found: queries.Editions,
    artifact: PageArtifact,
    locale: str,
    carried: Mapping[str, str],
    *,
    values: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
    token: str = "",
) -> str:
    """The page with its form; `token` is that of a page shown before, else a fresh one is made."""
    token_fields = {rules.TOKEN: token or fresh_token(system(), page.launch_id), **carried}
    reader = carried.get(rules.READER)
    return render_page(
        replace(artifact, after=artifact.after + _languages(page, found, locale, carried)),
        action=url_for("leads_public.send", slug=page.slug, locale=locale),
        token_fields=token_fields,
        values=values or {},
        faults=faults or {},
        preferences_url=url_for("tracking_public.unsubscribe", token=reader) if reader else "",
        style_url=f"/s/{reader}.css" if reader else "",
    )


def _languages(
    page: LandingPage, found: queries.Editions, shown: str, carried: Mapping[str, str]
) -> str:
    """Links to the other editions; code, parameters and reader go along."""
    others = found.others(shown)
    kept: dict[str, Any] = {key: value for key, value in carried.items() if key != rules.CODE}
    links = [
        f'<a href="{escape(url_for("pages_public.show", slug=page.slug, locale=tag, **kept))}" '
        f'hreflang="{escape(tag)}" lang="{escape(tag)}" rel="alternate">'
        f"{escape(_own_name(tag, others))}</a>"
        for tag in others
    ]
    return f'<nav class="w fine">{" · ".join(links)}</nav>' if links else ""


def _own_name(tag: str, among: list[str]) -> str:
    """A language as its speakers write it, with the country where the page has it twice."""
    locale = babel_locale(tag)
    alone = sum(other.split("-")[0] == tag.split("-")[0] for other in among) == 1
    name = locale.get_language_name() if alone else locale.get_display_name()
    shown = str(name or tag)
    return shown[:1].upper() + shown[1:]


def locked(html: str | bytes, status: int = 200) -> Response:
    return scriptless(make_response(html, status))


def visitor_tag() -> str:
    """The visitor's language among those the platform speaks, for pages of no partner."""
    return request.accept_languages.best_match(["en", "de", "ja", "ar"]) or "en"


def aged_token(launch_id: UUID) -> str:
    """For a form that is shown again filled in: its reader need not wait to press the button."""
    subject = rules.token_subject(system().clock() - rules.LEAST_DWELL, secrets.randbits)
    return system().signer.token(subject, rules.token_purpose(launch_id))


def with_notice(artifact: PageArtifact, notice: str) -> PageArtifact:
    """The page with a word to its visitor in place of the form's introduction."""
    return replace(artifact, form=replace(artifact.form, intro=notice))

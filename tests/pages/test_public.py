"""The landing page as visitors get it: language, marks, caching, and when it is over."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from tests.factories import leads, pages, tracking
from tests.factories.tracking import CHROME
from tpma.launches.models import Launch, LaunchAsset, LaunchState
from tpma.pages import jobs, queries, service
from tpma.pages.models import FormSubmission, LandingPage, PageState
from tpma.pages.rules import token_purpose
from tpma.rendering.page_texts import say
from tpma.tracking.models import EventType, TrackingEvent, Verdict

HEADERS = {"User-Agent": CHROME}


@pytest.fixture
def page(session):
    made = pages.page()
    session.commit()
    return made


@pytest.mark.parametrize(
    ("browser", "tag", "way"),
    [
        ("de-AT,de;q=0.9", "de-DE", "ltr"),
        ("ja", "ja-JP", "ltr"),
        ("ar-SA", "ar-AE", "rtl"),
        ("en-GB", "en-US", "ltr"),
        ("sw", "en-US", "ltr"),
        ("", "en-US", "ltr"),
    ],
)
def test_the_browser_decides_the_language(client, page, browser, tag, way):
    answer = client.get(f"/l/{page.slug}", headers=HEADERS | {"Accept-Language": browser})
    assert f'<html lang="{tag}" dir="{way}">' in answer.text


def test_the_mail_decides_before_the_browser(client, session, system):
    message = tracking.message(locale="ja-JP")
    page = pages.page(session.get_one(Launch, message.launch_id))
    session.commit()
    token = system.signer.token(message.id)
    answer = client.get(f"/l/{page.slug}?r={token}", headers=HEADERS | {"Accept-Language": "de"})
    assert 'lang="ja-JP"' in answer.text
    assert leads.hidden(answer.text)["r"] == token
    assert f"/u/{token}" in answer.text


@pytest.mark.parametrize("locale", pages.LOCALES)
def test_a_language_in_the_address_is_the_one_shown_with_ways_to_the_others(client, page, locale):
    answer = client.get(f"/l/{page.slug}/{locale}?utm_source=x", headers=HEADERS)
    assert f'<html lang="{locale}"' in answer.text
    for other in set(pages.LOCALES) - {locale}:
        assert f'href="/l/{page.slug}/{other}?utm_source=x"' in answer.text
        assert f'hreflang="{other}"' in answer.text


def test_code_and_campaign_parameters_go_along_in_the_form(client, page, db):
    query = "?utm_id=HC-SEC-ZQCGZXW&utm_medium=email&utm_content=email1.cta&evil=1"
    found = leads.open_form(client, page, query=query)
    with db.reading() as session:
        launch = session.get_one(Launch, page.launch_id)
    assert found["code"] == launch.campaign_code
    assert found["utm_content"] == "email1.cta"
    assert set(found) == {"token", "code", "utm_id", "utm_medium", "utm_content"}


def test_a_page_runs_no_script_and_keeps_its_address_to_itself(client, page):
    answer = client.get(f"/l/{page.slug}", headers=HEADERS)
    policy = answer.headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in answer.headers


def test_the_page_without_pictures_stays_far_below_its_budget(client, page):
    assert len(client.get(f"/l/{page.slug}", headers=HEADERS).data) < 20_000


def test_a_browser_that_asks_again_gets_no_second_copy(client, page, clock):
    first = client.get(f"/l/{page.slug}/de-DE", headers=HEADERS)
    known = HEADERS | {"If-None-Match": first.headers["ETag"]}
    assert client.get(f"/l/{page.slug}/de-DE", headers=known).status_code == 304
    assert client.get(f"/l/{page.slug}/ja-JP", headers=known).status_code == 200
    clock.forward(days=1)
    assert client.get(f"/l/{page.slug}/de-DE", headers=known).status_code == 200


def test_every_visitor_gets_a_token_of_their_own(client, page, system):
    first, second = leads.open_form(client, page), leads.open_form(client, page)
    assert first["token"] != second["token"]
    assert system.signer.subject(first["token"], token_purpose(page.launch_id))


@pytest.mark.parametrize("state", [PageState.CLOSED, PageState.BLOCKED, PageState.ARCHIVED])
@pytest.mark.parametrize("locale", pages.LOCALES)
def test_a_page_that_is_over_says_so_in_the_visitors_language(client, session, state, locale):
    page = pages.page(state=state)
    session.commit()
    answer = client.get(f"/l/{page.slug}/{locale}", headers=HEADERS)
    assert answer.status_code == 410
    assert say(locale, "closed_title") in answer.text
    assert "<form" not in answer.text


@pytest.mark.parametrize(
    "path", ["/l/none", "/l/none/de-DE", "/l/{slug}/fr-FR", "/l/{slug}/x'><b>"]
)
def test_an_unknown_address_is_answered_in_words(client, page, path, db):
    answer = client.get(path.format(slug=page.slug), headers=HEADERS | {"Accept-Language": "de"})
    assert answer.status_code == 404
    assert say("de", "not_found_title") in answer.text
    with db.reading() as session:
        assert session.scalars(select(TrackingEvent)).all() == []


def test_a_draft_is_not_there_yet(client, session):
    page = pages.page(state=PageState.DRAFT)
    session.commit()
    assert client.get(f"/l/{page.slug}", headers=HEADERS).status_code == 404


def test_a_visit_is_written_down_with_its_mail_and_a_machines_is_marked(
    client, session, db, system
):
    message = tracking.message()
    page = pages.page(session.get_one(Launch, message.launch_id), ("en-US",))
    session.commit()
    token = system.signer.token(message.id)
    client.get(f"/l/{page.slug}?r={token}", headers=HEADERS)
    client.get(f"/l/{page.slug}", headers={"User-Agent": "curl/8.0"})
    with db.reading() as session:
        seen = session.scalars(select(TrackingEvent).order_by(TrackingEvent.id)).all()
    assert [(e.type, e.verdict) for e in seen] == [
        (EventType.PAGE_VIEW, Verdict.HUMAN),
        (EventType.PAGE_VIEW, Verdict.BOT),
    ]
    assert (seen[0].message_id, seen[0].contact_id) == (message.id, message.contact_id)
    assert seen[1].message_id is None


@pytest.mark.parametrize("token", ["x", "A" * 24, "A" * 500, "%00", "../../etc"])
def test_a_forged_reader_is_left_out_and_the_page_still_shown(client, page, token):
    answer = client.get(f"/l/{page.slug}", query_string={"r": token}, headers=HEADERS)
    assert answer.status_code == 200
    assert "r" not in leads.hidden(answer.text)


def test_the_reader_of_another_launch_is_left_out(client, session, system):
    page = pages.page(locales=("en-US",))
    stranger = tracking.message()
    session.commit()
    answer = client.get(f"/l/{page.slug}?r={system.signer.token(stranger.id)}", headers=HEADERS)
    assert "r" not in leads.hidden(answer.text)


def test_a_page_goes_live_once_and_closes_once(session, clock):
    launch = pages.launch()
    page = service.publish(session, launch, launch.page_slug)
    first = page.published_at
    clock.forward(hours=1)
    assert service.publish(session, launch, launch.page_slug) is page
    assert (page.state, page.published_at) == (PageState.LIVE, first)
    service.close(session, launch)
    closed = page.closed_at
    clock.forward(hours=1)
    service.close(session, launch, PageState.BLOCKED)
    assert (page.state, page.closed_at) == (PageState.CLOSED, closed)
    assert closed - first == timedelta(hours=1)


@pytest.mark.parametrize("state", [LaunchState.ABORTED, LaunchState.CANCELLED, LaunchState.DRAFT])
def test_a_launch_that_is_not_under_way_gets_no_page(db, session, system, state):
    launch = pages.launch(state=state)
    session.commit()
    jobs.publish(system, str(launch.id))
    with db.reading() as session:
        assert queries.of_launch(session, launch.tenant_id, launch.id) is None


def test_looking_at_a_page_writes_no_submission(client, page, db):
    leads.open_form(client, page)
    with db.reading() as session:
        assert session.scalars(select(FormSubmission)).all() == []


def test_a_page_that_was_shown_before_shows_what_changed_since(client, page, db):
    """The bytes of a visit are kept; state, editions and reader are those of the next one."""
    assert client.get(f"/l/{page.slug}/de-DE", headers=HEADERS).status_code == 200
    with db.transaction() as session:
        made = session.get_one(LandingPage, page.id)
        made.state = PageState.BLOCKED
    assert client.get(f"/l/{page.slug}/de-DE", headers=HEADERS).status_code == 410
    with db.transaction() as session:
        session.get_one(LandingPage, page.id).state = PageState.LIVE
        launch = session.get_one(Launch, page.launch_id)
        launch.name = "Named anew"
        session.execute(
            delete(LaunchAsset).where(
                LaunchAsset.launch_id == launch.id, LaunchAsset.locale == "ja-JP"
            )
        )
    answer = client.get(f"/l/{page.slug}/de-DE", headers=HEADERS)
    assert "ja-JP" not in answer.text
    assert client.get(f"/l/{page.slug}/ja-JP", headers=HEADERS).status_code == 404


def test_two_readers_of_one_page_get_their_own_marks(client, session, system):
    first = tracking.message()
    launch = session.get_one(Launch, first.launch_id)
    second = tracking.message(launch)
    page = pages.page(launch, ("en-US", "de-DE"))
    session.commit()
    tokens = [system.signer.token(message.id) for message in (first, second)]
    texts = [client.get(f"/l/{page.slug}?r={token}", headers=HEADERS).text for token in tokens]
    for mine, other, text in zip(tokens, reversed(tokens), texts, strict=True):
        assert leads.hidden(text)["r"] == mine
        assert text.count(mine) == 4  # the form, the way out, the other language, the style sheet
        assert other not in text
        assert "tpma-" not in text

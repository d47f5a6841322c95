"""Sign in and out, links, switching: what a browser can and cannot make happen."""

import re
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask import url_for

from tests import factories
from tests.factories.identity import PASSWORD
from tpma.app import create_app
from tpma.identity import credentials, members, passwords, tokens
from tpma.identity.models import (
    Membership,
    OrganisationKind,
    OrganisationStatus,
    TokenKind,
    User,
)
from tpma.web.security import limiter

BASE = "http://localhost:8000"


def of(name):
    """The organisation of a vendor called so."""
    return factories.vendor(trading_name=name).organisation


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))
    monkeypatch.setattr(limiter, "enabled", False)


@pytest.fixture
def made(db):
    """Run builders in a transaction of their own and keep what they return."""

    def make(build):
        with db.transaction() as session:
            factories.bind(session)
            return build(session)

    return make


@pytest.fixture
def dana(made) -> Membership:
    """An admin of a partner with two vendors."""

    def build(_session):
        enrolment = factories.enrolment(factories.programme(of("Helio Cloud")))
        factories.enrolment(factories.programme(of("Nimbus")), enrolment.partner)
        person = factories.user(
            email="dana@brightline.example", password_hash=passwords.hashed(PASSWORD)
        )
        return factories.membership(enrolment.partner, "PA", user=person)

    return made(build)


def enter(client, email="dana@brightline.example", password=PASSWORD, **query):
    return client.post("/sign-in", data={"email": email, "password": password}, query_string=query)


def home(app, endpoint="program_portal.home") -> str:
    with app.test_request_context():
        return url_for(endpoint)


def test_a_partner_arrives_at_home(app, client, dana):
    answer = enter(client)
    assert (answer.status_code, answer.location) == (303, home(app))


def test_a_wrong_password_shows_the_form_again_with_the_count(client, dana):
    answer = enter(client, password="wrong-one")
    assert answer.status_code == 422
    assert "9 more tries" in answer.text
    assert 'value="dana@brightline.example"' in answer.text
    assert "wrong-one" not in answer.text


@pytest.mark.parametrize("password", ["pässword-long-1", "パスワードは秘密の言葉"])
def test_a_password_beyond_ascii_signs_in_through_the_form(client, made, password):
    made(
        lambda _s: factories.membership(
            factories.enrolment().partner,
            user=factories.user(email="k@k.example", password_hash=passwords.hashed(password)),
        )
    )
    assert enter(client, "k@k.example", password).status_code == 303


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\r\nLocation: https://evil.example",
        "http:evil.example",
        "///evil.example",
    ],
)
def test_next_never_leaves_this_site(app, client, dana, target):
    assert enter(client, next=target).location == home(app)


def test_next_leads_back_to_the_page_asked_for(client, dana):
    assert enter(client, next="/team/?x=1").location == "/team/?x=1"


def test_a_page_asks_to_sign_in_and_remembers_itself(client):
    assert client.get("/team/").location == "/sign-in?next=/team/"


def test_signing_in_starts_a_new_session(client, dana):
    with client.session_transaction() as cookie:
        cookie["planted"] = "by somebody else"
        cookie["csrf_token"] = "known"
    enter(client)
    with client.session_transaction() as cookie:
        assert "planted" not in cookie
        assert cookie.get("csrf_token") != "known"


def test_the_language_chosen_before_is_kept(client, dana):
    client.get("/sign-in?lang=de")
    enter(client)
    with client.session_transaction() as cookie:
        assert cookie["lang"] == "de"


def test_a_session_lasts_twelve_hours_without_a_request(app, client, dana):
    enter(client)
    assert app.permanent_session_lifetime == timedelta(hours=12)
    with client.session_transaction() as cookie:
        assert cookie.permanent


def test_the_cookie_is_kept_from_scripts_and_other_sites(client, dana):
    header = enter(client).headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header


def test_signing_out_ends_the_session(client, dana):
    enter(client)
    client.post("/sign-out")
    assert client.get("/account").status_code == 303


def test_signing_out_is_no_get(client, dana):
    enter(client)
    assert client.get("/sign-out").status_code == 405


def test_another_password_ends_other_sessions(app, db, dana):
    here, there = app.test_client(), app.test_client()
    enter(here)
    enter(there)
    here.post("/account/password", data={"current": PASSWORD, "password": "a brand new password"})
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 303


def test_a_wrong_present_password_changes_nothing(client, db, dana):
    enter(client)
    answer = client.post(
        "/account/password", data={"current": "guess", "password": "a brand new password"}
    )
    assert answer.status_code == 422
    assert "not your present password" in answer.text
    assert credentials.sign_in(db, dana.user.email, PASSWORD)


def test_a_deactivated_person_is_out_with_the_next_click(client, db, dana, made):
    enter(client)

    def close(session):
        factories.membership(session.get_one(Membership, dana.id).organisation)
        members.deactivate_user(session, None, session.get_one(User, dana.user_id))

    made(close)
    assert client.get("/account").status_code == 303


def test_a_removed_member_is_out_with_the_next_click(client, db, dana, clock):
    enter(client)
    with db.transaction() as session:
        session.get_one(Membership, dana.id).ended_at = clock()
    assert client.get("/team/").status_code == 303


def test_a_suspended_organisation_is_out_with_the_next_click(client, db, dana):
    enter(client)
    with db.transaction() as session:
        company = session.get_one(Membership, dana.id).organisation
        company.status = OrganisationStatus.SUSPENDED
    assert client.get("/team/").status_code == 303


def test_taking_a_role_away_counts_at_once(client, db, dana):
    factories.signed_in(client, dana)
    assert client.get("/team/").status_code == 200
    with db.transaction() as session:
        session.get_one(Membership, dana.id).roles = ["PV"]
    assert client.get("/team/").status_code == 404


@pytest.mark.parametrize("forged", ["", "x", "1.2.3", "{id}.999", "{id}.", "{id}.1e3"])
def test_a_session_of_another_epoch_is_none(client, dana, forged):
    with client.session_transaction() as cookie:
        cookie["_user_id"] = forged.format(id=dana.user_id)
    assert client.get("/account").status_code == 303


def test_a_person_without_a_company_is_told_so(client, db, dana, clock):
    with db.transaction() as session:
        session.get_one(Membership, dana.id).ended_at = clock()
    assert enter(client).location == "/no-workspace"
    assert "invite you again" in client.get("/no-workspace").text


# the switcher


def go(client, membership, enrolment=""):
    return client.post("/switch", data={"membership": membership, "enrolment": enrolment})


def places(client) -> list[tuple[str, str]]:
    page = client.get("/account").text
    fields = re.findall(r'name="(?:membership|enrolment)" value="([^"]*)"', page)
    return sorted(set(zip(fields[::2], fields[1::2], strict=True)))


def test_each_vendor_is_a_place_of_its_own(client, dana):
    factories.signed_in(client, dana)
    assert len(places(client)) == 2


def test_one_can_go_to_each_of_ones_places(client, dana):
    factories.signed_in(client, dana)
    for membership, enrolment in places(client):
        assert go(client, membership, enrolment).status_code == 303
        with client.session_transaction() as cookie:
            assert cookie["enrolment"] == enrolment


def test_somebody_elses_membership_is_not_found(client, dana, made):
    theirs = made(lambda _s: factories.membership())
    factories.signed_in(client, dana)
    assert go(client, theirs.id).status_code == 404


def test_somebody_elses_enrolment_is_not_found(client, dana, made):
    theirs = made(lambda _s: factories.enrolment())
    factories.signed_in(client, dana)
    assert go(client, dana.id, theirs.id).status_code == 404


@pytest.mark.parametrize(
    "membership", ["", "x", "' OR 1=1", "00000000-0000-0000-0000-000000000000"]
)
def test_a_made_up_membership_is_not_found(client, dana, membership):
    factories.signed_in(client, dana)
    assert go(client, membership).status_code == 404


def test_an_invitation_not_accepted_is_no_place(client, dana, made):
    pending = made(
        lambda s: factories.membership(
            factories.organisation(), user=s.get_one(User, dana.user_id), pending=True
        )
    )
    factories.signed_in(client, dana)
    assert go(client, pending.id).status_code == 404


def test_a_cookie_that_names_anothers_place_falls_back_to_ones_own(app, client, dana, made):
    theirs = made(lambda _s: factories.enrolment())
    factories.signed_in(client, dana, theirs)
    with app.test_request_context():
        page = client.get("/account").text
    assert "Helio Cloud, Gold" in page


# links


def invite(db, **given) -> str:
    with db.transaction() as session:
        factories.bind(session)
        company = factories.organisation(given.pop("kind", OrganisationKind.PARTNER), country="GB")
        wanted = {"email": "ada@kestrel.example", "name": "Ada", "roles": ["PA"]}
        issued = members.invite(session, None, company, base_url=BASE, **wanted | given)
        return f"/invitation/{issued.secret}"


FORM = {"name": "Ada Kerr", "password": "a good password", "locale": "en-GB", "country": "GB"}


def test_opening_an_invitation_changes_nothing(client, db):
    link = invite(db)
    assert client.get(link).status_code == 200
    assert client.get(link).status_code == 200


def test_language_and_country_are_guessed(client, db):
    page = client.get(invite(db)).text
    assert '<option value="GB" selected>' in page


def test_a_new_partner_admin_goes_to_the_brand(app, client, db):
    answer = client.post(invite(db), data=FORM)
    assert answer.location == home(app, "branding_portal.setup")


def test_any_other_newcomer_goes_home(app, client, db):
    assert client.post(invite(db, roles=["PS"]), data=FORM).location == home(app)


def test_a_vendors_newcomer_goes_to_the_studio(app, client, db):
    link = invite(db, kind=OrganisationKind.VENDOR, roles=["VA"])
    assert client.post(link, data=FORM).location == home(app, "measurement_studio.home")


def test_a_short_password_shows_the_form_again_with_what_was_typed(client, db):
    answer = client.post(invite(db), data=FORM | {"password": "short"})
    assert answer.status_code == 422
    assert "Use at least 10 characters." in answer.text
    assert "Ada Kerr" in answer.text


def test_a_zone_the_browser_made_up_is_passed_over(client, db):
    answer = client.post(invite(db), data=FORM | {"timezone": "Mars/Olympus"})
    assert answer.status_code == 303


def test_a_used_invitation_explains_itself_and_offers_recovery(app, client, db):
    link = invite(db)
    client.post(link, data=FORM)
    page = app.test_client().get(link)
    assert page.status_code == 200
    assert "was used or replaced" in page.text
    assert "/recover" in page.text


def test_an_expired_invitation_explains_itself(client, db, clock):
    link = invite(db)
    clock.forward(days=15)
    assert "has expired" in client.get(link).text
    assert client.post(link, data=FORM).status_code == 422


@pytest.mark.parametrize("kind", ["invitation", "reset"])
@pytest.mark.parametrize("secret", ["x", "A" * 43, "%00", "..%2f..%2fetc", "é"])
def test_a_link_we_never_made_is_not_found(client, kind, secret):
    assert client.get(f"/{kind}/{secret}").status_code == 404
    assert client.post(f"/{kind}/{secret}", data=FORM).status_code == 404


def test_whoever_has_an_account_signs_in_first(client, db, dana):
    page = client.get(invite(db, email=dana.user.email)).text
    assert "has an account already" in page
    assert 'name="password"' not in page


def test_an_invitation_does_not_set_the_password_of_an_account(client, db, dana):
    answer = client.post(invite(db, email=dana.user.email), data=FORM)
    assert answer.status_code == 403
    assert credentials.sign_in(db, dana.user.email, PASSWORD)


def test_the_signed_in_owner_of_an_account_joins(client, db, dana):
    link = invite(db, email=dana.user.email)
    factories.signed_in(client, dana)
    assert client.post(link).status_code == 303
    assert len(places(client)) == 3


def test_recovery_answers_alike_for_known_and_unknown(client, dana):
    pages = [
        client.post("/recover", data={"email": email}).text.replace(email, "X")
        for email in ("dana@brightline.example", "nobody@brightline.example")
    ]
    tokens = r'name="csrf_token" value="[^"]*"'
    assert re.sub(tokens, "", pages[0]) == re.sub(tokens, "", pages[1])


def test_the_mailed_link_sets_a_password_and_ends_sessions(client, db, dana, app):
    signed = factories.signed_in(app.test_client(), dana)
    with db.transaction() as session:
        user = session.get_one(User, dana.user_id)
        secret = tokens.issue(session, TokenKind.RECOVERY, user).secret
    answer = client.post(f"/reset/{secret}", data={"password": "a brand new password"})
    assert answer.location == "/sign-in"
    assert signed.get("/account").status_code == 303
    assert enter(client, password="a brand new password").status_code == 303


@pytest.mark.parametrize("path", ["/invitation/x", "/reset/x", "/sign-in"])
def test_the_address_of_a_link_does_not_leave_this_site(client, path):
    assert client.get(path).headers["Referrer-Policy"] == "same-origin"


# one's own settings


def test_the_profile_is_kept(client, db, dana):
    factories.signed_in(client, dana)
    form = {"name": "Dana W.", "locale": "de", "timezone": "Europe/Berlin", "theme": "dark"}
    assert client.post("/account", data=form).status_code == 303
    with db.reading() as session:
        user = session.get_one(User, dana.user_id)
        assert (user.name, user.locale, user.timezone, user.theme) == tuple(form.values())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "Dana\r\nBcc: x@y.example"),
        ("name", "x" * 121),
        ("locale", "klingon!"),
        ("timezone", "Europe/Atlantis"),
        ("theme", "sepia"),
    ],
)
def test_a_profile_typed_wrong_is_shown_again(client, dana, field, value):
    factories.signed_in(client, dana)
    form = {"name": "Dana", "locale": "en", "timezone": "UTC", "theme": "light"}
    answer = client.post("/account", data=form | {field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text


def test_many_tries_from_one_address_are_slowed_down(system, monkeypatch):
    monkeypatch.setattr(limiter, "enabled", True)
    app = create_app(system)
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    answers = {enter(client, f"n{n}@x.example").status_code for n in range(31)}
    limiter.reset()
    assert answers == {422, 429}


def test_a_form_without_its_token_is_refused(app, client, dana):
    app.config["WTF_CSRF_ENABLED"] = True
    assert enter(client).status_code == 400

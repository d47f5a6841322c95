"""Settings: an empty variable is no variable, a bad one stops the start with one line."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from tpma.core.errors import Invalid
from tpma.core.settings import Settings, listed, load, secret_of


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No TPMA_* variable of the machine these tests run on."""
    for name in list(os.environ):
        if name.startswith("TPMA_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TPMA_PORT", "http"),
        ("TPMA_PORT", "0"),
        ("TPMA_PORT", "70000"),
        ("TPMA_THREADS", "0"),
        ("TPMA_MAIL", "pigeon"),
        ("TPMA_SMTP_URL", "mail.example.org"),
        ("TPMA_SMTP_URL", "http://mail.example.org"),
        ("TPMA_SMTP_URL", "smtp://mail.example.org:smtp"),
        ("TPMA_SMTP_URL", "smtps://"),
        ("TPMA_SMTP_URL", "smtps://mail example.org"),
        ("TPMA_SMTP_URL", "smtp://ada:secret@mail.example.org"),
        ("TPMA_SMTP_URL", "smtps://ada@mail.example.org"),
        ("TPMA_SMTP_URL", "smtps://mail.example.org?verify=no"),
        ("TPMA_BOUNCE_DOMAIN", "bounce"),
        ("TPMA_DKIM_SELECTOR", "a.b"),
        ("TPMA_DSN_IMAP_URL", "imaps://mail.example.org"),
        ("TPMA_DSN_IMAP_URL", "smtps://ada:secret@mail.example.org"),
        ("TPMA_BASE_URL", "tpma.example.org"),
        ("TPMA_BASE_URL", "javascript:alert(1)"),
        ("TPMA_ENVIRONMENT", "pro duction"),
        ("TPMA_SEND_BATCH", "501"),
        ("TPMA_SEND_IN_FLIGHT", "-1"),
        ("TPMA_LEASE_SECONDS", "-1"),
        ("TPMA_POLL_SECONDS", "0"),
        ("TPMA_SECURE_COOKIES", "perhaps"),
        ("TPMA_LOG_FORMAT", "xml"),
        ("TPMA_MAX_UPLOAD_MB", "1e9"),
        ("TPMA_DEMO_PASSWORD", "short"),
        ("TPMA_DATABASE_URL", "tpma.db"),
        ("TPMA_DATABASE_URL", "mysql://root@localhost/tpma"),
        ("TPMA_MAIL_DOMAIN", "mail tpma.example"),
        ("TPMA_SES_REGION", "Ireland"),
        ("TPMA_RATE_LIMIT_STORAGE", "yes"),
        ("TPMA_CELERY_BROKER", "localhost:6379"),
        ("TPMA_SQS_QUEUE_URL", "tpma-events"),
        ("TPMA_SQS_VISIBILITY_SECONDS", "0"),
        ("TPMA_SQS_MOST_RECEIVES", "0"),
        ("TPMA_SNS_TOPICS", "tpma-events"),
        ("TPMA_SNS_TOPICS", "arn:aws:sns:eu-west-1:1234:tpma"),
        ("TPMA_SNS_TOPICS", "arn:aws:sns:eu-west-1:123456789012:*"),
        ("TPMA_SNS_OLD_SIGNATURES", "perhaps"),
        ("TPMA_CANARY_SECONDS", "-1"),
    ],
)
def test_a_bad_value_is_named_on_one_line(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(Invalid) as refusal:
        load()
    assert refusal.value.message.startswith(variable + ": ")
    assert "\n" not in refusal.value.message
    assert refusal.value.exit_code == 2


def test_smtp_needs_a_server(monkeypatch):
    monkeypatch.setenv("TPMA_MAIL", "smtp")
    with pytest.raises(Invalid, match=r"^TPMA_SMTP_URL: .* needs a server"):
        load()
    monkeypatch.setenv("TPMA_SMTP_URL", "smtp://localhost")
    assert load().mail == "smtp"


@pytest.mark.parametrize(
    "url",
    [
        "smtps://ada:hunter2@mail.example.org",
        "smtps://ada@example.org:hunter2@mail.example.org",
        "smtps://ada:hunter2/@x@mail.example.org:port",
        "smtps://ada:x@hunter2@mail.example.org",
        "smtp://ada:hunter2@mail.example.org",
    ],
)
def test_the_password_of_a_mail_server_is_shown_nowhere(monkeypatch, url):
    monkeypatch.setenv("TPMA_SMTP_URL", url)
    try:
        told = str(listed(load()))
    except Invalid as refusal:
        told = refusal.message
    assert "hunter2" not in told


def test_every_bad_value_is_named(monkeypatch):
    monkeypatch.setenv("TPMA_PORT", "x")
    monkeypatch.setenv("TPMA_MAIL", "y")
    with pytest.raises(Invalid, match=r"TPMA_PORT.*; TPMA_MAIL|TPMA_MAIL.*; TPMA_PORT"):
        load()


def test_a_refusal_shows_no_password(monkeypatch):
    monkeypatch.setenv("TPMA_DATABASE_URL", "mysql://root:hunter2@localhost/tpma")
    monkeypatch.setenv("TPMA_DEMO_PASSWORD", "hunter2")
    with pytest.raises(Invalid) as refusal:
        load()
    assert "hunter2" not in refusal.value.message


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_variable_means_the_default(monkeypatch, name):
    monkeypatch.setenv(f"TPMA_{name.upper()}", "")
    assert getattr(load(), name) == Settings.model_fields[name].get_default(
        call_default_factory=True, validated_data={}
    )


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("postgres://ada@db/tpma", "postgresql+psycopg://ada@db/tpma"),
        ("postgresql://ada:p%40ss@db/tpma", "postgresql+psycopg://ada:p%40ss@db/tpma"),
        ("postgresql+psycopg://ada@db/tpma", "postgresql+psycopg://ada@db/tpma"),
        ("sqlite:////srv/tpma.db", "sqlite:////srv/tpma.db"),
    ],
)
def test_the_database_address_may_be_written_in_each_usual_way(monkeypatch, written, used):
    monkeypatch.setenv("TPMA_DATABASE_URL", written)
    assert load().url_of_database == used


def test_without_a_database_address_it_is_a_file_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("TPMA_HOME", str(tmp_path))
    assert load().url_of_database == f"sqlite:///{tmp_path}/tpma.db"


@pytest.mark.parametrize(
    ("address", "said", "secure"),
    [
        ("https://tpma.example.org/", None, True),
        ("http://localhost:8000", None, False),
        ("http://localhost:8000", True, True),
        ("https://tpma.example.org", False, False),
    ],
)
def test_cookies_are_secure_when_the_address_is(address, said, secure):
    assert Settings(base_url=address, secure_cookies=said).cookies_are_secure is secure


def test_every_setting_is_listed_with_its_meaning():
    rows = {variable: meaning for variable, _value, _source, meaning in listed(load())}
    assert set(rows) == {f"TPMA_{name.upper()}" for name in Settings.model_fields}
    assert all(rows.values())


def test_the_list_says_where_a_value_came_from_and_keeps_secrets(monkeypatch):
    monkeypatch.setenv("TPMA_SECRET_KEY", "hunter2")
    monkeypatch.setenv("TPMA_DATABASE_URL", "postgresql://ada:hunter2@db/tpma")
    rows = {variable: (value, source) for variable, value, source, _meaning in listed(load())}
    assert rows["TPMA_SECRET_KEY"] == ("(hidden)", "environment")
    assert rows["TPMA_PORT"] == ("8000", "default")
    assert "hunter2" not in str(rows)
    assert settings_default_password() not in str(rows)


def settings_default_password() -> str:
    return str(Settings.model_fields["demo_password"].default)


def test_the_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    settings = Settings(home=tmp_path / "new")
    first = secret_of(settings)
    file = tmp_path / "new" / "secret.key"
    assert secret_of(settings) == first == file.read_text()
    assert len(first) >= 48
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_processes_that_start_together_agree_on_the_secret(tmp_path):
    settings = Settings(home=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _each: secret_of(settings), range(32)))
    assert len(found) == 1
    assert found != {""}


def test_a_secret_in_the_variable_leaves_no_file(tmp_path):
    assert secret_of(Settings(home=tmp_path, secret_key="given")) == "given"
    assert list(tmp_path.iterdir()) == []


def test_topics_are_a_list_with_commas(monkeypatch):
    one, two = (f"arn:aws:sns:eu-west-1:123456789012:{name}" for name in ("one", "two"))
    monkeypatch.setenv("TPMA_SNS_TOPICS", f" {one}, {two} ,")
    assert load().topics_of_events == {one, two}
    monkeypatch.setenv("TPMA_SNS_TOPICS", "")
    assert load().topics_of_events == frozenset()


def test_the_address_follows_the_port_unless_it_is_said(monkeypatch):
    monkeypatch.setenv("TPMA_PORT", "8123")
    assert load().base_url == "http://localhost:8123"
    monkeypatch.setenv("TPMA_BASE_URL", "https://campaigns.example.org")
    assert load().base_url == "https://campaigns.example.org"


def test_a_list_over_its_limit_still_reaches_the_page_that_says_so():
    assert Settings(max_upload_mb=3).most_body == 2 * 3 * 1024 * 1024

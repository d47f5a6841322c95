"""Every environment variable of tpma: its type, its default and its meaning.

`tpma settings` prints this list with the value in force and where it came from. A bad
value stops the start with one line that names it.
"""

import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from tpma.core import servers
from tpma.core.errors import Invalid

PREFIX = "TPMA_"
_DATABASES = "write sqlite:///file.db or postgresql+psycopg://user:password@host/name"
_HOST_NAME = r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")
_SECRET = {"secret_key", "demo_password", "metrics_token"}  # never printed
_PASSWORD = re.compile(r"(://[^:]*):.*@")  # the one inside an address, whatever is in it


class Settings(BaseSettings):
    """One field a variable: `home` is TPMA_HOME."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    home: Path = Field(
        Path("var"), description="Folder for the database, the outbox and the secret key."
    )
    database_url: str = Field(
        "", description="SQLAlchemy URL; empty means an SQLite file in TPMA_HOME."
    )
    secret_key: str = Field(
        "", description="Signs sessions and links; empty means a key kept in TPMA_HOME/secret.key."
    )
    host: str = Field("127.0.0.1", description="Address the web server listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the web server listens on.")
    base_url: str = Field(
        default_factory=lambda said: f"http://localhost:{said.get('port', 8000)}",
        description="Address people reach this installation at; stands in every link we send.",
    )
    link_target: str = Field(
        "",
        pattern=rf"^$|{_HOST_NAME}",
        description="Host name that partners’ own link hosts point to (CNAME), usually the one of "
        "TPMA_BASE_URL; empty means that all links run over TPMA_BASE_URL. Such hosts need "
        "certificates: docs/operations.md.",
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=8,
        description="Reverse proxies in front, each adding the visitor to X-Forwarded-For; "
        "0 does not read that header, which anybody can write.",
    )
    threads: int = Field(8, ge=1, le=256, description="Threads of the web server.")
    mail: Literal["outbox", "ses", "smtp"] = Field(
        "outbox",
        description="Where mail goes: outbox keeps it on this machine, ses sends by Amazon SES, "
        "smtp by the server of TPMA_SMTP_URL.",
    )
    mail_domain: str = Field(
        "mail.tpma.example",
        pattern=_HOST_NAME,
        description="Domain mails are sent from when a partner has none of its own.",
    )
    ses_region: str = Field(
        "eu-west-1", pattern=r"^[a-z]+(-[a-z]+)+-\d$", description="AWS region of Amazon SES."
    )
    ses_configuration_set: str = Field(
        "", description="SES configuration set; needed for delivery events."
    )
    ses_bulk: bool = Field(
        False,
        description="Send up to 50 mails a call by SendBulkEmail: a twentieth of the work, for "
        "accounts with a high rate. The price: one lost answer leaves 50 mails in doubt.",
    )
    sqs_queue_url: str = Field(
        "",
        pattern=r"^$|^https?://[^\s/]+/\S+$",
        description="SQS queue, in TPMA_SES_REGION, that SES events come by; empty means none.",
    )
    sqs_visibility_seconds: int = Field(
        60,
        ge=10,
        le=43200,
        description="When an event that was not acknowledged is handed out again.",
    )
    sqs_most_receives: int = Field(
        5, ge=1, le=1000, description="Times an event may fail before it is put aside as dead."
    )
    sns_topics: str = Field(
        "",
        description="ARNs of the SNS topics that may post events to /hooks/sns/ses, with commas "
        "between them; empty closes that door.",
    )
    sns_old_signatures: bool = Field(
        False, description="Accept SNS signatures of version 1 (SHA-1) too; version 2 is better."
    )
    canary_seconds: int = Field(
        300,
        ge=0,
        le=86400,
        description="How often a test mail asks whether the event feed is alive; 0 never does.",
    )
    smtp_url: str = Field(
        "",
        validate_default=True,
        description="SMTP server: smtps://user:password@host, smtp+starttls://user:password@host "
        "or smtp://host without TLS; ?ca=/path/file.pem for an authority of your own.",
    )
    bounce_domain: str = Field(
        "",
        pattern=rf"^$|{_HOST_NAME}",
        description="Domain bounces of mails sent by SMTP come back to; empty means bounce. and "
        "TPMA_MAIL_DOMAIN.",
    )
    dkim_selector: str = Field(
        "tpma",
        pattern=r"^[A-Za-z0-9-]{1,63}$",
        description="DNS name of the DKIM key, under _domainkey of TPMA_MAIL_DOMAIN.",
    )
    dkim_key_file: Path | None = Field(
        None,
        description="RSA key in PEM to sign mails sent by SMTP with; empty means the server signs.",
    )
    spf_include: str = Field(
        "",
        pattern=r"^$|^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$",
        description="What the SPF record of a partner's return path includes where mail leaves by "
        "SMTP; empty means the bounce domain.",
    )
    seed_address: str = Field(
        "",
        pattern=r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$",
        description="Mailbox of your own at a mail provider that test mails of partners' domains "
        "go to; empty means that nothing proves how they arrive.",
    )
    seed_imap_url: str = Field(
        "",
        description="Where that mailbox is read: imaps://user:password@host/INBOX.",
    )
    seed_maildir: Path | None = Field(
        None, description="Maildir that mailbox is delivered to, instead of reading it by IMAP."
    )
    dsn_maildir: Path | None = Field(
        None,
        description="Maildir that bounces, complaints and unsubscribes are delivered to.",
    )
    dsn_imap_url: str = Field(
        "",
        description="Mailbox that bounces, complaints and unsubscribes come to: "
        "imaps://user:password@host/INBOX.",
    )
    bot_networks: Path | None = Field(
        None,
        description="File with the networks that machines follow links from, in place of the one "
        "we ship (tpma/tracking/bot_networks.txt).",
    )
    environment: str = Field(
        "local",
        pattern=r"^[A-Za-z0-9_-]{1,32}$",
        description="Name of this installation; a tag on every mail, so that events of another "
        "one are never applied here.",
    )
    send_batch: int = Field(
        200,
        ge=1,
        le=500,
        description="Mails of one launch a worker takes at a turn, before others have theirs.",
    )
    send_in_flight: int = Field(
        0,
        ge=0,
        le=500,
        description="Mails committed as submitting at a time, which are in doubt if their worker "
        "is killed; 0 means 20, or a whole call with TPMA_SES_BULK.",
    )
    send_threads: int = Field(
        8,
        ge=1,
        le=64,
        description="Calls a worker has under way at a time where the provider answers slowly.",
    )
    send_rate: float = Field(
        0,
        ge=0,
        le=10_000,
        description="Most mails a second; 0 means what the provider allows.",
    )
    lease_seconds: int = Field(
        60, ge=1, le=600, description="How long a worker owns a chunk without a sign of life."
    )
    poll_seconds: float = Field(
        0.5, gt=0, le=60, description="Pause of an idle worker between two looks."
    )
    rate_limit_storage: str = Field(
        "memory://",
        pattern=r"^(memory|rediss?|redis\+\w+|memcached)://",
        description="Where rate limits are counted; redis://… with several processes.",
    )
    celery_broker: str = Field(
        "",
        pattern=r"^$|^(rediss?|amqps?|sqs|sentinel)://",
        description="Broker URL when Celery runs the jobs; empty means our own loop does.",
    )
    secure_cookies: bool | None = Field(
        None, description="Send cookies over HTTPS only; empty means when TPMA_BASE_URL is https."
    )
    log_format: Literal["text", "json"] = Field("text", description="How log lines are written.")
    metrics_token: str = Field(
        "",
        pattern=r"^$|^[!-~]{16,200}$",
        description="Token that opens /metrics from other machines (Authorization: Bearer …); "
        "empty opens it to this machine alone.",
    )
    max_upload_mb: int = Field(32, ge=1, le=1024, description="Largest contact list, in megabytes.")
    demo_password: str = Field(
        "helio-demo-2026", min_length=10, description="Password of the people `tpma demo` makes."
    )

    @field_validator("base_url")
    @classmethod
    def _whole_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("write the whole address, for example https://tpma.example.org")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _database_we_know(cls, value: str) -> str:
        """PostgreSQL is reached by psycopg 3, whichever way the address is written."""
        if not value:
            return value
        try:
            url = make_url(value.replace("postgres://", "postgresql://", 1))
        except ArgumentError as error:
            raise ValueError(_DATABASES) from error
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise ValueError(_DATABASES)
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        return url.render_as_string(hide_password=False)

    @field_validator("sns_topics")
    @classmethod
    def _whole_arns(cls, value: str) -> str:
        topics = [topic.strip() for topic in value.split(",") if topic.strip()]
        if not all(map(_TOPIC.fullmatch, topics)):
            raise ValueError("write whole ARNs: arn:aws:sns:region:account:name, with commas")
        return ",".join(topics)

    @property
    def topics_of_events(self) -> frozenset[str]:
        return frozenset(filter(None, self.sns_topics.split(",")))

    @field_validator("smtp_url")
    @classmethod
    def _server_we_can_reach(cls, value: str, info: ValidationInfo) -> str:
        if value:
            servers.smtp_server(value)
        elif info.data.get("mail") == "smtp":
            raise ValueError(
                "TPMA_MAIL=smtp needs a server, for example smtps://user:password@host"
            )
        return value

    @field_validator("dsn_imap_url", "seed_imap_url")
    @classmethod
    def _mailbox_we_can_read(cls, value: str) -> str:
        if value and not servers.imap_server(value).user:
            raise ValueError("write user and password of the mailbox")
        return value

    @property
    def url_of_database(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'tpma.db'}"

    @property
    def outbox_folder(self) -> Path:
        return self.home / "outbox"

    @property
    def most_body(self) -> int:
        """Bytes of a request that are read: twice the largest list, so that a list that is too
        large is told so at its field, not by a server without words."""
        return 2 * self.max_upload_mb * 1024 * 1024

    @property
    def domain_of_bounces(self) -> str:
        return self.bounce_domain or f"bounce.{self.mail_domain}"

    @property
    def proves_domains(self) -> bool:
        """Whether a test mail can be sent and read back."""
        return bool(self.seed_address and (self.seed_imap_url or self.seed_maildir))

    @property
    def cookies_are_secure(self) -> bool:
        if self.secure_cookies is None:
            return self.base_url.startswith("https://")
        return self.secure_cookies


def load(**overrides: Any) -> Settings:
    """Settings of this process. Raises Invalid with one line that names each bad variable."""
    cleaned = {k: v for k, v in os.environ.items() if not (k.startswith(PREFIX) and v == "")}
    for name in set(os.environ) - set(cleaned):
        del os.environ[name]  # an empty variable means: not set
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise Invalid("; ".join(_fault(fault) for fault in error.errors())) from error


def _fault(fault: Any) -> str:
    name = PREFIX + "_".join(str(part) for part in fault["loc"]).upper()
    return f"{name}: {fault['msg']} (it is {_shown(name[len(PREFIX) :].lower(), fault['input'])!r})"


def _shown(field: str, value: object) -> str:
    """A value fit for a terminal and its logs: without keys and passwords."""
    text = str(value)
    return "(hidden)" if field in _SECRET and text else _PASSWORD.sub(r"\1:(hidden)@", text)


def secret_of(settings: Settings) -> str:
    """The signing secret: the variable, else a random one kept in TPMA_HOME (mode 0600)."""
    if settings.secret_key:
        return settings.secret_key
    path = settings.home / "secret.key"
    settings.home.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _keep_new_secret(path)
    return path.read_text().strip()


def _keep_new_secret(path: Path) -> None:
    """Write a secret beside `path`, then link it there: of two processes that start together
    one wins, and the other never reads a half-written file."""
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)


def listed(settings: Settings) -> list[tuple[str, str, str, str]]:
    """(variable, value, source, meaning) of every setting; the secret key is never shown."""
    rows = []
    for name, field in Settings.model_fields.items():
        variable = PREFIX + name.upper()
        source = "environment" if variable in os.environ else "default"
        shown = _shown(name, getattr(settings, name))
        rows.append((variable, shown, source, field.description or ""))
    return rows

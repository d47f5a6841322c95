"""`tpma user`: the first way in, before anybody can invite anybody."""

import sys

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity import credentials, members, service
from tpma.identity.models import Organisation, OrganisationKind, User
from tpma.identity.rules import ADMIN
from tpma.system import System


@click.group()
def user() -> None:
    """People of this installation."""


@user.command()
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--organisation", "slug", help="Short name of the organisation to join.")
@click.option("--operator", is_flag=True, help="Join the operator of this installation.")
@click.option(
    "--role", "roles", multiple=True, help="A role code, for example PM; may be repeated."
)
@click.option("--password", "ask", is_flag=True, help="Ask for a password instead of inviting.")
@click.option("--password-stdin", "piped", is_flag=True, help="Read the password from a pipe.")
@click.pass_obj
def create(
    system: System,
    email: str,
    name: str,
    slug: str | None,
    operator: bool,
    roles: tuple[str, ...],
    ask: bool,
    piped: bool,
) -> None:
    """Create an account and print its invitation link, or set a password at once.

    Without a role the person becomes admin. The link works once, for 14 days.
    """
    if operator == bool(slug):
        raise click.UsageError("Give either --organisation SLUG or --operator.")
    password = _password(ask, piped)
    with system.db.transaction() as session:
        company = _operator(session) if operator else _company(session, slug or "")
        chosen = roles or (ADMIN[company.kind],)
        if password is None:
            told = _invited(session, company, email, name, chosen, system.settings.base_url)
        else:
            person = _person(session, email, name, company, password)
            members.add_membership(session, None, person, company, chosen)
            told = _("%(email)s can sign in now.", email=person.email)
    click.echo(told)


def _invited(
    session: Session,
    company: Organisation,
    email: str,
    name: str,
    roles: tuple[str, ...],
    base_url: str,
) -> str:
    """The link of the invitation; it is mailed too."""
    issued = members.invite(
        session, None, company, email=email, name=name, roles=roles, base_url=base_url
    )
    return issued.link(base_url)


def _password(ask: bool, piped: bool) -> str | None:
    if piped:
        return sys.stdin.readline().rstrip("\r\n")
    if ask:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return None


def _person(session: Session, email: str, name: str, company: Organisation, password: str) -> User:
    """A new account with its password set. Raises Conflict if the address has one already."""
    person = service.create_user(
        session,
        email=email,
        name=name,
        locale=company.default_locale,
        timezone=company.timezone,
    )
    credentials.set_first_password(session, person, password)
    return person


def _company(session: Session, slug: str) -> Organisation:
    found = session.scalar(select(Organisation).where(Organisation.slug == slug))
    if found is None:
        raise NotFound(_("No organisation is called %(slug)s.", slug=slug))
    return found


def _operator(session: Session) -> Organisation:
    """The operator's organisation, made on first use."""
    found = session.scalar(
        select(Organisation).where(Organisation.kind == OrganisationKind.OPERATOR).limit(1)
    )
    return found or service.create_organisation(
        session,
        None,
        OrganisationKind.OPERATOR,
        legal_name="Operator",
        country="US",
        timezone="UTC",
        base_currency="USD",
    )

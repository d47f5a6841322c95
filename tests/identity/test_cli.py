import pytest
from click.testing import CliRunner
from sqlalchemy import select

from tests import factories
from tpma.core.errors import Conflict, NotFound
from tpma.identity import credentials
from tpma.identity.cli import user
from tpma.identity.models import Membership, OrganisationKind


def run(system, *arguments, **given):
    return CliRunner().invoke(user, ["create", *arguments], obj=system, **given)


def test_the_first_operator_gets_a_link(system):
    answer = run(system, "omar@tpma.example", "--name", "Omar", "--operator")
    assert answer.exit_code == 0
    assert answer.output.startswith("http://localhost:8000/invitation/")
    with system.db.reading() as session:
        member = session.scalars(select(Membership)).one()
        assert (member.organisation.kind, member.roles) == (OrganisationKind.OPERATOR, ["OP"])


def test_a_piped_password_signs_in(system):
    run(
        system,
        "omar@tpma.example",
        "--name",
        "Omar",
        "--operator",
        "--password-stdin",
        input="pässword-long-1\n",
    )
    assert credentials.sign_in(system.db, "omar@tpma.example", "pässword-long-1")


def test_a_second_operator_joins_the_first(system):
    for email in ("omar@tpma.example", "olga@tpma.example"):
        run(system, email, "--name", "O", "--operator")
    with system.db.reading() as session:
        assert len({m.organisation_id for m in session.scalars(select(Membership))}) == 1


def test_roles_are_those_of_the_organisation(system):
    with system.db.transaction() as session:
        factories.bind(session)
        factories.organisation(slug="brightline")
    run(
        system,
        "tom@brightline.example",
        "--name",
        "Tom",
        "--organisation",
        "brightline",
        "--role",
        "PS",
    )
    with system.db.reading() as session:
        assert session.scalars(select(Membership)).one().roles == ["PS"]


@pytest.mark.parametrize(
    "arguments", [[], ["--operator", "--organisation", "x"]], ids=["neither", "both"]
)
def test_one_organisation_must_be_named(system, arguments):
    assert run(system, "a@b.example", "--name", "A", *arguments).exit_code == 2


def test_an_unknown_organisation_is_said_to_be_unknown(system):
    answer = run(system, "a@b.example", "--name", "A", "--organisation", "nobody")
    assert isinstance(answer.exception, NotFound)


def test_an_existing_account_keeps_its_password(system):
    for _ in range(2):
        answer = run(
            system,
            "omar@tpma.example",
            "--name",
            "Omar",
            "--operator",
            "--password-stdin",
            input="a good password\n",
        )
    assert isinstance(answer.exception, Conflict)

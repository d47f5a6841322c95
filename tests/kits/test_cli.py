import pytest
from click.testing import CliRunner

from tests import factories
from tests.kits import small_kit
from tpma.core.errors import NotFound
from tpma.kits.cli import kits


@pytest.fixture
def folder(tmp_path):
    return small_kit.write(tmp_path / "kit")


def run(*words, system=None):
    return CliRunner().invoke(kits, [str(word) for word in words], obj=system)


def test_a_sound_kit_passes_without_a_database(folder):
    result = run("check", folder)
    assert (result.exit_code, result.output) == (
        0,
        "small-kit 1.0.0 can be published: 36 texts in en, de\n",
    )


def test_one_missing_german_text_is_named_with_file_and_line(folder):
    catalog = folder / "locales/de.po"
    catalog.write_text(catalog.read_text().replace('msgstr "Danke"', 'msgstr ""'))
    line = catalog.read_text().split("form.thanks_title")[0].count("\n") + 1

    result = run("check", folder)

    assert result.exit_code == 1
    assert f"{catalog}:{line}: locale.missing: " in result.output


def test_a_kit_is_published_and_listed(db, system, folder):
    with db.transaction() as session:
        factories.bind(session)
        slug = factories.vendor().organisation.slug

    published = run("publish", folder, "--vendor", slug, system=system)
    again = run("publish", folder, "--vendor", slug, system=system)

    assert published.exit_code == 0, published.output
    assert "small-kit 1.0.0 published" in published.output
    assert again.output == published.output
    assert (
        "TST    1.0.0      published    small-kit"
        in run("list", "--vendor", slug, system=system).output
    )


def test_a_kit_with_faults_is_not_published(system, folder):
    (folder / "page/landing.html").unlink()
    result = run("publish", folder, "--vendor", "nobody", system=system)
    assert result.exit_code == 1
    assert "image.missing" in result.output


def test_an_unknown_vendor_is_named(db, system, folder):
    result = run("publish", folder, "--vendor", "nobody", system=system)
    assert isinstance(result.exception, NotFound)
    assert "nobody" in result.exception.message

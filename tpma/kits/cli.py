"""Kits on the command line: check a folder, publish it, list what is published."""

import sys
from pathlib import Path

import click

from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext
from tpma.kits import check as checking
from tpma.kits import queries, service
from tpma.system import System

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def kits() -> None:
    """Campaign kits: check, publish, list."""


@kits.command()
@click.argument("folders", metavar="DIR…", nargs=-1, required=True, type=_FOLDER)
def check(folders: tuple[Path, ...]) -> None:
    """Name file, line and rule of every fault in a kit folder; exit 1 if there is one."""
    found = sum(_tell(folder, checking.folder(folder)) for folder in folders)
    sys.exit(1 if found else 0)


def _tell(folder: Path, reading: checking.Reading) -> int:
    """Print the faults with paths that an editor can open; how many there are."""
    for fault in reading.faults:
        click.echo(f"{folder / fault.file}:{fault.line}: {fault.rule}: {fault.message}")
    if reading.faults:
        count = len(reading.faults)
        click.echo(ngettext("%(num)s fault", "%(num)s faults", count), err=True)
    elif reading.content is not None:
        content = reading.content
        said = _(
            "%(slug)s %(semver)s can be published: %(texts)s texts in %(locales)s",
            slug=content.slug,
            semver=content.semver,
            texts=len(content.units),
            locales=", ".join(content.locales),
        )
        click.echo(said)
    return len(reading.faults)


@kits.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--vendor", "vendor_slug", required=True, help="Slug of the vendor who publishes.")
@click.pass_obj
def publish(system: System, folder: Path, vendor_slug: str) -> None:
    """Make a kit folder the vendor's newest version. You answer for author and reviewer."""
    reading = checking.folder(folder)
    if _tell(folder, reading):
        sys.exit(1)
    with system.db.transaction() as session:
        vendor = queries.vendor_by_slug(session, vendor_slug)
        version = service.publish_reading(session, vendor.id, reading)
        click.echo(f"{version.kit.slug} {version.semver} {version.state} {version.content_hash}")


@kits.command("list")
@click.option("--vendor", "vendor_slug", required=True, help="Slug of the vendor.")
@click.pass_obj
def list_kits(system: System, vendor_slug: str) -> None:
    """Every kit of a vendor with its newest version."""
    with system.db.reading() as session:
        vendor = queries.vendor_by_slug(session, vendor_slug)
        for shelf in queries.for_vendor(session, vendor.id):
            version = shelf.shown
            click.echo(f"{shelf.kit.key:6} {version.semver:10} {version.state:12} {shelf.kit.slug}")

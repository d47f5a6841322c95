"""What the law of each country asks, as this installation knows it. For everybody signed in."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from tpma.core.i18n import country_name
from tpma.localization import packs
from tpma.rendering.footer import NAMES
from tpma.web.context import render, system
from tpma.web.guards import signed_in

countries = Blueprint(
    "sending_countries", __name__, url_prefix="/countries", template_folder="templates"
)


@countries.get("/")
@signed_in
def index() -> ResponseReturnValue:
    today = system().clock().date()
    known = packs.in_force(today)
    rows = sorted(
        ((country_name(code), code, pack) for code, pack in known.items()), key=lambda row: row[:2]
    )
    return render("sending/countries.html", rows=rows, today=today, names=NAMES)

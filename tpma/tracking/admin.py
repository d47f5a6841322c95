"""What the operator's delivery page shows of clicks."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from tpma.tracking import surplus
from tpma.web.context import render, system
from tpma.web.guards import operator

admin = Blueprint(
    "tracking_admin", __name__, url_prefix="/admin/delivery", template_folder="templates"
)


@admin.get("/clicks")
@operator("delivery.read")
def clicks() -> ResponseReturnValue:
    """A panel: launches whose clicks bring too few visits."""
    with system().db.reading() as session:
        return render("tracking/clicks.html", found=surplus.alarming(session), most=surplus.MOST)

"""The mailbox of a partner: the mails of its own launches."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from tpma.sending import mailbox_views as views
from tpma.web.context import actor
from tpma.web.guards import partner

portal = Blueprint(
    "sending_portal", __name__, url_prefix="/portal/mailbox", template_folder="templates"
)


@portal.get("/")
@partner("outbox.read")
def mailbox() -> ResponseReturnValue:
    return views.page(actor().organisation_id, None)


@portal.get("/<int:mail_id>")
@partner("outbox.read")
def mail(mail_id: int) -> ResponseReturnValue:
    return views.page(actor().organisation_id, mail_id)


@portal.get("/<int:mail_id>/document")
@partner("outbox.read")
def document(mail_id: int) -> ResponseReturnValue:
    return views.document(actor().organisation_id, mail_id)


@portal.get("/<int:mail_id>.eml")
@partner("outbox.read")
def eml(mail_id: int) -> ResponseReturnValue:
    return views.eml(actor().organisation_id, mail_id)


@portal.post("/<int:mail_id>/act")
@partner("outbox.act")
def act(mail_id: int) -> ResponseReturnValue:
    return views.act(actor().organisation_id, mail_id, ".mail")

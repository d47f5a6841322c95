"""The mailbox of the operator: every mail that stayed here, notices too."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from tpma.sending import mailbox_views as views
from tpma.web.guards import operator

admin = Blueprint(
    "sending_admin", __name__, url_prefix="/admin/mailbox", template_folder="templates"
)


@admin.get("/")
@operator("outbox.read")
def mailbox() -> ResponseReturnValue:
    return views.page(None, None)


@admin.get("/<int:mail_id>")
@operator("outbox.read")
def mail(mail_id: int) -> ResponseReturnValue:
    return views.page(None, mail_id)


@admin.get("/<int:mail_id>/document")
@operator("outbox.read")
def document(mail_id: int) -> ResponseReturnValue:
    return views.document(None, mail_id)


@admin.get("/<int:mail_id>.eml")
@operator("outbox.read")
def eml(mail_id: int) -> ResponseReturnValue:
    return views.eml(None, mail_id)


@admin.post("/<int:mail_id>/act")
@operator("outbox.act")
def act(mail_id: int) -> ResponseReturnValue:
    return views.act(None, mail_id, ".mail")

"""The audit trail in words, for people who did not write the program."""

from tpma.core.i18n import gettext, lazy

_ACTIONS = {
    "organisation.created": lazy("Organisation opened"),
    "organisation.described": lazy("Company data changed"),
    "organisation.suspended": lazy("Organisation suspended"),
    "organisation.active": lazy("Organisation reinstated"),
    "membership.added": lazy("Member added"),
    "membership.invited": lazy("Member invited"),
    "membership.accepted": lazy("Invitation accepted"),
    "membership.roles_changed": lazy("Roles changed"),
    "membership.sight_changed": lazy("Whose partners a member sees changed"),
    "membership.revoked": lazy("Member removed"),
    "user.deactivated": lazy("Account closed"),
    "user.password_changed": lazy("Password changed"),
    "user.recovery_requested": lazy("New password asked for"),
    "programme.created": lazy("Programme opened"),
    "enrolment.invited": lazy("Partner invited"),
    "enrolment.active": lazy("Partner active"),
    "enrolment.suspended": lazy("Partner suspended"),
    "enrolment.tier_changed": lazy("Tier changed"),
    "enrolment.scope_changed": lazy("Territories changed"),
    "enrolment.assigned": lazy("Partner handed to a channel manager"),
    "enrolment.handed_over": lazy("Enrolment moved to another company"),
    "brand_profile.saved": lazy("Brand saved"),
    "brand_logo.saved": lazy("Logo saved"),
    "cobranded_kit.submitted": lazy("Version sent for review"),
    "cobranded_kit.changes_requested": lazy("Changes asked for"),
    "launch.created": lazy("Launch begun"),
    "launch.ready": lazy("Launch checked"),
    "launch.scheduled": lazy("Launch scheduled"),
    "launch.unscheduled": lazy("Launch taken off the calendar"),
    "launch.started": lazy("Launch started"),
    "launch.paused": lazy("Launch paused"),
    "launch.resumed": lazy("Launch resumed"),
    "launch.resend_unconfirmed": lazy("Unconfirmed mails sent again"),
    "launch.let_go": lazy("Rest of a launch let go early"),
    "launch.dead_queued": lazy("Dead letters queued again"),
    "lane.released": lazy("Held lane tried again"),
    "account.released": lazy("Held provider asked again"),
    "launch.ended": lazy("Launch ended"),
    "page.published": lazy("Landing page published"),
    "import.started": lazy("Contact list read"),
    "import.done": lazy("Contacts added"),
    "contacts.exported": lazy("Contacts exported"),
    "contact.erased": lazy("Contact erased"),
    "consent.withdrawn": lazy("Consent withdrawn"),
    "suppression.added": lazy("Address blocked"),
    "suppression.imported": lazy("Suppression list applied"),
    "suppression.domain_added": lazy("Domain blocked"),
    "suppression.domain_lifted": lazy("Domain unblocked"),
    "suppression_list.received": lazy("Suppression list uploaded"),
    "suppression_list.undone": lazy("Suppression list taken back"),
    "suppression_list.discarded": lazy("Suppression list thrown away"),
    "organisation.opt_in_only": lazy("Rule on sign-ups changed"),
    "suppression.lifted": lazy("Address unblocked"),
    "segment.saved": lazy("Segment saved"),
    "segment.deleted": lazy("Segment deleted"),
    "lead.created": lazy("Lead came in"),
    "lead.escalated": lazy("Lead not answered in time"),
    "kit.renewed": lazy("Kit’s last day changed"),
    "kit.archived": lazy("Kit archived"),
    "launch.kit_ended": lazy("Launch ended with its kit"),
    "programme.changed": lazy("Programme changed"),
    "deal.auto_approved": lazy("Deal approved by rule"),
    "deal.stage": lazy("Deal moved"),
    "job.retried": lazy("Job tried again"),
}


def action_words(action: str) -> str:
    """The action in the reader's language; "" for one without words here, shown as it is."""
    return gettext(_ACTIONS[action]) if action in _ACTIONS else ""


def detail_words(detail: dict[str, object]) -> str:
    """ "before=silver after=gold": keys and codes as they are, lists with commas."""
    return " ".join(f"{key}={_plain(value)}" for key, value in detail.items())


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)

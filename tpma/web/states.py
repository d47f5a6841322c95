"""Every state a thing can be in, as tone, icon and word: three signs for a state."""

from tpma.core.i18n import gettext, lazy

_NEUTRAL, _GO, _WARN, _OK, _BAD, _VIOLET = "", "go", "wa", "ok", "ba", "vi"

# machine → state → (tone, icon, word)
STATES: dict[str, dict[str, tuple[str, str, str]]] = {
    "launch": {
        "draft": (_NEUTRAL, "pencil", lazy("Draft")),
        "ready": (_OK, "circle-check", lazy("Ready")),
        "scheduled": (_GO, "calendar", lazy("Scheduled")),
        "running": (_GO, "send", lazy("Sending")),
        "paused": (_WARN, "player-pause", lazy("Paused")),
        "collecting": (_GO, "inbox", lazy("Collecting")),
        "ended": (_NEUTRAL, "flag", lazy("Ended")),
        "cancelled": (_NEUTRAL, "ban", lazy("Cancelled")),
        "aborted": (_BAD, "hand-stop", lazy("Stopped")),
        "archived": (_NEUTRAL, "archive", lazy("Archived")),
    },
    "kit_version": {
        "draft": (_NEUTRAL, "pencil", lazy("Draft")),
        "validated": (_GO, "list-check", lazy("Validated")),
        "in_review": (_WARN, "eye-check", lazy("In review")),
        "approved": (_OK, "thumb-up", lazy("Approved")),
        "published": (_OK, "circle-check", lazy("Published")),
        "superseded": (_NEUTRAL, "history", lazy("Superseded")),
        "deprecated": (_NEUTRAL, "clock-off", lazy("Deprecated")),
        "recalled": (_BAD, "alert-octagon", lazy("Recalled")),
    },
    "cobranded": {
        "draft": (_NEUTRAL, "pencil", lazy("Draft")),
        "pending_approval": (_WARN, "eye-check", lazy("In review")),
        "approved": (_OK, "thumb-up", lazy("Approved")),
        "invalid": (_BAD, "circle-x", lazy("Not valid")),
    },
    "consent": {
        "none": (_NEUTRAL, "circle-dashed", lazy("None")),
        "pending_doi": (_GO, "mail-question", lazy("Asked")),
        "granted": (_OK, "circle-check", lazy("Given")),
        "withdrawn": (_BAD, "user-minus", lazy("Withdrawn")),
        "expired": (_NEUTRAL, "clock-off", lazy("Expired")),
    },
    "page": {
        "draft": (_NEUTRAL, "pencil", lazy("Draft")),
        "live": (_OK, "world", lazy("Live")),
        "closed": (_NEUTRAL, "lock", lazy("Closed")),
        "blocked": (_BAD, "hand-stop", lazy("Blocked")),
        "archived": (_NEUTRAL, "archive", lazy("Archived")),
    },
    "lead": {
        "routed": (_GO, "point", lazy("New")),
        "duplicate": (_NEUTRAL, "copy", lazy("Duplicate")),
        "spam": (_NEUTRAL, "mail-off", lazy("Spam")),
        "accepted": (_OK, "circle-check", lazy("Accepted")),
        "declined": (_NEUTRAL, "circle-x", lazy("Declined")),
        "working": (_GO, "phone", lazy("Working")),
        "deal_registered": (_OK, "briefcase", lazy("Deal")),
        "converted": (_OK, "trophy", lazy("Won")),
        "lost": (_NEUTRAL, "circle-minus", lazy("Lost")),
    },
    "answer": {  # how it stands with a promised one
        "on_time": (_GO, "clock", lazy("On time")),
        "soon": (_WARN, "alarm", lazy("Due soon")),
        "missed": (_BAD, "clock-exclamation", lazy("Missed")),
    },
    "deal": {
        "draft": (_NEUTRAL, "pencil", lazy("Draft")),
        "submitted": (_GO, "send", lazy("Submitted")),
        "in_review": (_WARN, "eye-check", lazy("In review")),
        "queued": (_WARN, "hourglass", lazy("Waiting in line")),
        "action_required": (_WARN, "message-circle", lazy("Your answer needed")),
        "approved": (_OK, "shield-check", lazy("Protected")),
        "rejected": (_BAD, "circle-x", lazy("Declined")),
        "expired": (_NEUTRAL, "clock-off", lazy("Expired")),
        "withdrawn": (_NEUTRAL, "arrow-back-up", lazy("Withdrawn")),
        "won": (_OK, "trophy", lazy("Won")),
        "lost": (_NEUTRAL, "circle-minus", lazy("Lost")),
    },
    "opportunity": {
        "qualified": (_GO, "target", lazy("Qualified")),
        "discovery": (_GO, "search", lazy("Discovery")),
        "proposal": (_GO, "file-text", lazy("Proposal")),
        "negotiation": (_GO, "scale", lazy("Negotiation")),
        "won": (_OK, "trophy", lazy("Won")),
        "lost": (_NEUTRAL, "circle-minus", lazy("Lost")),
    },
    "enrolment": {
        "invited": (_GO, "mail-forward", lazy("Invited")),
        "onboarding": (_GO, "school", lazy("Onboarding")),
        "active": (_OK, "circle-check", lazy("Active")),
        "suspended": (_BAD, "hand-stop", lazy("Suspended")),
        "closed": (_NEUTRAL, "lock", lazy("Closed")),
    },
    "message": {
        "planned": (_NEUTRAL, "list", lazy("Planned")),
        "queued": (_NEUTRAL, "clock", lazy("Queued")),
        "submitting": (_GO, "send", lazy("Sending")),
        "accepted": (_GO, "mail-forward", lazy("Accepted")),
        "skipped": (_NEUTRAL, "player-skip-forward", lazy("Skipped")),
        "failed": (_BAD, "mail-x", lazy("Failed")),
        "in_doubt": (_WARN, "help", lazy("In doubt")),
        "unconfirmed": (_WARN, "question-mark", lazy("Unconfirmed")),
        "cancelled": (_NEUTRAL, "ban", lazy("Cancelled")),
        "expired": (_NEUTRAL, "clock-off", lazy("Expired")),
        "dead": (_BAD, "alert-triangle", lazy("Dead letter")),
        "delivered": (_OK, "mail-check", lazy("Delivered")),
        "delayed": (_WARN, "clock-exclamation", lazy("Deferred")),
        "bounced_hard": (_BAD, "mail-x", lazy("Bounced")),
        "bounced_soft": (_WARN, "mail-exclamation", lazy("Bounced for now")),
        "complained": (_BAD, "mail-cancel", lazy("Complained")),
        "rejected": (_BAD, "mail-x", lazy("Rejected")),
        "unsubscribed": (_NEUTRAL, "user-minus", lazy("Unsubscribed")),
    },
    "sending_domain": {
        "unverified": (_GO, "loader", lazy("Being set up")),
        "pending_dns": (_WARN, "hourglass", lazy("Waits for DNS")),
        "verified": (_OK, "shield-check", lazy("Records right")),
        "active": (_OK, "circle-check", lazy("Active")),
        "degraded": (_BAD, "alert-triangle", lazy("Records lost")),
        "suspended": (_BAD, "hand-stop", lazy("Stopped by the operator")),
        "retired": (_NEUTRAL, "archive", lazy("Removed")),
    },
    "import": {
        "uploaded": (_NEUTRAL, "file-import", lazy("Waiting for you")),
        "staging": (_GO, "loader", lazy("Reading")),
        "merging": (_GO, "database-import", lazy("Adding")),
        "done": (_OK, "circle-check", lazy("Done")),
        "failed": (_BAD, "alert-triangle", lazy("Failed")),
    },
    "suppression_list": {
        "reading": (_GO, "loader", lazy("Reading")),
        "ready": (_NEUTRAL, "file-import", lazy("Waiting for you")),
        "applying": (_GO, "database-import", lazy("Applying")),
        "done": (_OK, "circle-check", lazy("Applied")),
        "undone": (_NEUTRAL, "arrow-back-up", lazy("Taken back")),
        "failed": (_BAD, "alert-triangle", lazy("Failed")),
    },
    "organisation": {
        "active": (_OK, "circle-check", lazy("Active")),
        "suspended": (_BAD, "hand-stop", lazy("Suspended")),
    },
    "user": {
        "invited": (_GO, "mail-forward", lazy("Invited")),
        "active": (_OK, "circle-check", lazy("Active")),
        "deactivated": (_NEUTRAL, "user-off", lazy("Deactivated")),
    },
    "job": {
        "queued": (_NEUTRAL, "clock", lazy("Queued")),
        "running": (_GO, "loader", lazy("Running")),
        "done": (_OK, "circle-check", lazy("Done")),
        "dead": (_BAD, "alert-triangle", lazy("Dead")),
    },
}


def signs(machine: str, state: str) -> tuple[str, str, str]:
    """(tone, icon, word in the reader's language). Raises KeyError for an unknown state."""
    tone, icon, word = STATES[machine][state]
    return tone, icon, gettext(word)

"""One builder a thing, one file a room. Every default is valid; a test names what it is about.

`bind(session)` is done by the `session` fixture; builders add to that session and flush.
"""

from tests.factories.audiences import (
    consent,
    contact,
    csv_file,
    mailable_contact,
    segment,
)
from tests.factories.base import bind, save
from tests.factories.identity import (
    actor,
    membership,
    operator,
    organisation,
    signed_in,
    user,
)
from tests.factories.kits import kit_content, kit_draft, kit_version
from tests.factories.partners import enrolment, partner, programme, vendor

__all__ = [
    "actor",
    "bind",
    "consent",
    "contact",
    "csv_file",
    "enrolment",
    "kit_content",
    "kit_draft",
    "kit_version",
    "mailable_contact",
    "membership",
    "operator",
    "organisation",
    "partner",
    "programme",
    "save",
    "segment",
    "signed_in",
    "user",
    "vendor",
]

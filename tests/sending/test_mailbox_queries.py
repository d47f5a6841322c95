"""What a search of the mailbox finds, and never finds, on each database."""

import pytest

from tests.factories.sending import first_of, mails_of
from tpma.sending import mailbox
from tpma.sending.mailbox import Wanted


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (lambda box, mail: mail.campaign_code, 3),
        (lambda box, mail: mail.campaign_code.lower().replace("-", "–"), 3),
        (lambda box, mail: mail.recipient, 1),
        (lambda box, mail: mail.recipient.split("@")[0].upper(), 1),
        (lambda box, mail: "an offer", 3),
        (lambda box, mail: "%", 0),
        (lambda box, mail: "' OR 1=1 --", 0),
        (lambda box, mail: box["other"].campaign_code, 0),
        (lambda box, mail: "Your invitation", 0),
    ],
)
def test_a_partner_searches_its_own_mails_only(db, client, box, words, found):
    wanted = Wanted(words=words(box, first_of(db, box)))
    with db.reading() as session:
        rows = mailbox.listing(session, box["launch"].tenant_id, wanted, 50)
        assert len(rows) == mailbox.count(session, box["launch"].tenant_id, wanted) == found


def test_the_list_can_be_that_of_one_launch(db, box):
    with db.reading() as session:
        rows = mailbox.listing(session, None, Wanted(launch_id=box["other"].id), 50)
    assert len(rows) == 1


def test_pages_follow_one_another_without_gap_or_repeat(db, box):
    seen, before = [], None
    with db.reading() as session:
        while rows := mailbox.listing(session, None, Wanted(before=before), 2):
            seen += [row.id for row in rows]
            before = rows[-1].id
    assert seen == sorted((mail.id for mail in mails_of(db)), reverse=True)

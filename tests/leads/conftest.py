"""What the tests of forms and leads begin with."""

import pytest

from tests.factories import leads


@pytest.fixture
def carried(client, page, clock):
    """The hidden fields of a page that was looked at for half a minute."""
    found = leads.open_form(client, page)
    clock.forward(seconds=30)
    return found

"""What readers get before Flask, when the database is in trouble."""

from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from tpma.tracking.front import PIXEL, Front


class Busy:
    """A desk whose tables cannot be read just now."""

    def lookups(self):
        raise OperationalError("SELECT", {}, Exception("database is locked"))


def asked(path):
    front = Front(lambda _environ, _start: [b"flask"], Busy())
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.url_scheme": "http"}
    return list(front(environ, lambda _status, _headers: None))


def test_a_picture_is_answered_and_the_lost_opening_is_said():
    with capture_logs() as logs:
        assert asked("/o/AQAAAAAAAAIsp8UIdaaljPgS.gif") == [PIXEL]
    assert [(line["event"], line["kind"]) for line in logs] == [("hit not recorded", "open")]


def test_a_link_is_left_to_flask_which_says_so():
    assert asked("/c/AQAAAAAAAAIsp8UIdaaljPgSA") == [b"flask"]

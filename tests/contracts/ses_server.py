"""A small HTTP server that answers as Amazon SES would, and counts what reaches it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ScriptedSes(ThreadingHTTPServer):
    """Answers each submission as `answer` says and keeps every one it got."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[dict] = []
        self.answer = accepts
        self.over = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body))
        self.server.answer(self)

    def log_message(self, *_args):
        """Quiet."""

    def say(self, status, body, code=None, *, length=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(data)))
        self.send_header("x-amzn-RequestId", "r-1")
        if code:
            self.send_header("x-amzn-ErrorType", code)
        self.send_header("Connection", "close")  # else another thread may reuse what closes now
        self.end_headers()
        self.wfile.write(data)


def accepts(handler):
    handler.say(200, {"MessageId": "ses-1"})


def fails(status, code, message=""):
    return lambda handler: handler.say(status, {"message": message}, code)


def answers_without(body, length=None):
    return lambda handler: handler.say(200, body, length=length)


def drops(handler):
    """The mail is taken and the answer is lost."""
    handler.close_connection = True
    handler.connection.shutdown(2)


def hangs(handler):
    handler.server.over.wait(20)
    handler.close_connection = True


def proxy_page(status):
    def answer(handler):
        data = b"<html>no</html>"
        handler.send_response(status)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Length", str(len(data)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(data)

    return answer

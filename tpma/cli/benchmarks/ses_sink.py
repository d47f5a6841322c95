"""A server that answers every call as Amazon SES would and keeps nothing: the other end of
`tpma bench`.

Run as a file, in a process of its own, and without anything of tpma, so that it costs the measured
side nothing. It prints its port, reads as little of a request as it can, answers fixed bytes and
ends with its standard input. Milliseconds to wait before each answer may follow as an argument.
"""

import heapq
import selectors
import socket
import sys
import time

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-amzn-RequestId: r-1\r\n"
_ENTRY = b'{"Status":"SUCCESS","MessageId":"sink-1"}'


def _answer(body: bytes) -> bytes:
    return _HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


_ONE = _answer(b'{"MessageId":"sink-1"}')
_MANY = [
    _answer(b'{"BulkEmailEntryResults":[' + b",".join([_ENTRY] * count) + b"]}")
    for count in range(51)
]
_NO_TENANTS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nx-amzn-RequestId: r-1\r\n"
    b"x-amzn-ErrorType: BadRequestException\r\nContent-Length: 29\r\n\r\n"
    b'{"message":"No tenants here"}'
)
_QUOTA = _answer(
    b'{"SendQuota":{"MaxSendRate":100000,"Max24HourSend":-1,"SentLast24Hours":0},'
    b'"SendingEnabled":true,"ProductionAccessEnabled":true,"EnforcementStatus":"HEALTHY"}'
)


class Talk:
    """One connection and what of its request is still to come."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.parts: list[bytes] = []
        self.size = 0
        self.whole = 0  # bytes of the request, once its head is here

    def hear(self, data: bytes) -> bytes:
        """The answer, if the request has ended with these bytes. Nobody here sends two at once."""
        self.parts.append(data)
        self.size += len(data)
        if not self.whole:
            head = b"".join(self.parts)
            end = head.find(b"\r\n\r\n")
            if end < 0:
                return b""
            at = head.lower().find(b"content-length:", 0, end)
            body = int(head[at + 15 : head.index(b"\r\n", at)]) if at >= 0 else 0
            self.whole = end + 4 + body
            if head.lower().find(b"expect: 100-continue", 0, end) >= 0 and self.size < self.whole:
                self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.size < self.whole:
            return b""
        answer = self._of_request()
        self.parts, self.size, self.whole = [], 0, 0
        return answer

    def _of_request(self) -> bytes:
        first = self.parts[0]
        if first.startswith(b"GET"):
            return _QUOTA
        if b"/tenants" in first[:200]:
            return _NO_TENANTS
        if b"outbound-bulk-emails" not in first[:200]:
            return _ONE
        return _MANY[b"".join(self.parts).count(b'"Destination"')]


class Sink:
    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        self.later: list[tuple[float, int, socket.socket, bytes]] = []
        self.count = 0

    def run(self) -> None:
        sys.stdout.write(f"{self.listener.getsockname()[1]}\n")
        sys.stdout.flush()
        while self._turn():
            self._say_what_is_due()

    def _turn(self) -> bool:
        wait = max(self.later[0][0] - time.monotonic(), 0) if self.later else None
        for key, _events in self.selector.select(wait):
            if key.fileobj is sys.stdin:
                return False
            if key.fileobj is self.listener:
                sock, _peer = self.listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.selector.register(sock, selectors.EVENT_READ, Talk(sock))
            else:
                self._hear(key.data)
        return True

    def _hear(self, talk: Talk) -> None:
        try:
            data = talk.sock.recv(1 << 20)
            answer = talk.hear(data) if data else b""
            if answer and self.delay:
                self.count += 1
                due = time.monotonic() + self.delay
                heapq.heappush(self.later, (due, self.count, talk.sock, answer))
            elif answer:
                talk.sock.sendall(answer)
            if data:
                return
        except ConnectionError:
            pass
        self.selector.unregister(talk.sock)
        talk.sock.close()

    def _say_what_is_due(self) -> None:
        while self.later and self.later[0][0] <= time.monotonic():
            _due, _count, sock, answer = heapq.heappop(self.later)
            try:
                sock.sendall(answer)
            except OSError:  # the caller has gone
                continue


if __name__ == "__main__":
    Sink(float(sys.argv[1]) / 1000 if len(sys.argv) > 1 else 0.0).run()

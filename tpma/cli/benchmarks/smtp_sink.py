"""A server that takes every mail and keeps none: the other end of `tpma bench`.

Run as a file, in a process of its own, and without anything of tpma, so that it costs the measured
side nothing. It prints its port, speaks PIPELINING and ends with its standard input.
"""

import selectors
import socket
import sys

_HELLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 SIZE 20971520\r\n"
_ANSWERS = {b"EHLO": _HELLO, b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
_END = b"\r\n.\r\n"


class Talk:
    """One connection. `in_mail` keeps the tail of what came, in case the dot is split."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.rest = b""
        self.in_mail = False

    def hear(self, data: bytes) -> bytes:
        """What is answered to these bytes."""
        self.rest += data
        answers = b""
        while True:
            if self.in_mail:
                at = self.rest.find(_END)
                if at < 0:
                    self.rest = self.rest[-(len(_END) - 1) :]
                    return answers
                self.rest = self.rest[at + len(_END) :]
                self.in_mail = False
                answers += b"250 2.0.0 Ok: queued as SINK1\r\n"
            line, found, rest = self.rest.partition(b"\r\n")
            if not found:
                return answers
            self.rest = rest
            verb = line[:4].upper()
            self.in_mail = verb == b"DATA"
            answers += _ANSWERS.get(verb, b"250 ok\r\n")


def serve() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    while True:
        for key, _events in selector.select():
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listener:
                sock, _peer = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(sock, selectors.EVENT_READ, Talk(sock))
                sock.sendall(b"220 sink\r\n")
            else:
                _hear(selector, key.data)


def _hear(selector: selectors.BaseSelector, talk: Talk) -> None:
    try:
        data = talk.sock.recv(262_144)
        if data:
            talk.sock.sendall(talk.hear(data))
            return
    except ConnectionError:
        pass
    selector.unregister(talk.sock)
    talk.sock.close()


if __name__ == "__main__":
    serve()

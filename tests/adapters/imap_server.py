"""As much of an IMAP server (RFC 3501, 6851) as reading reports asks for."""

import re
import socketserver
import threading


class ScriptedImap(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Talk)
        self.port = self.server_address[1]
        self.can_move = True
        self.numbering = 7
        self.fail = ""  # a command that is answered NO
        self.waiting: dict[int, bytes] = {}
        self.aside: dict[int, bytes] = {}
        self.deleted: set[int] = set()
        self.said: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exc):
        self.shutdown()
        self._thread.join(5)
        self.server_close()


class _Talk(socketserver.StreamRequestHandler):
    def handle(self):
        self.tell("* OK ready")
        while line := self.rfile.readline():
            tag, _space, rest = line.decode().strip().partition(" ")
            self.server.said.append(rest)
            words = rest.split(" ")
            name = words[1] if words[0].upper() == "UID" else words[0]
            if name.upper() == self.server.fail:
                self.tell(f"{tag} NO [ALERT] not today")
                continue
            answer = getattr(self, f"on_{name.lower()}")(words)
            self.tell(f"{tag} {answer or 'OK done'}")
            if name.upper() == "LOGOUT":
                return

    def tell(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def on_capability(self, _words):
        self.tell("* CAPABILITY IMAP4rev1" + (" MOVE" if self.server.can_move else ""))

    def on_login(self, words):
        return "" if words[1:] == ["ada", '"s3cret"'] else "NO [AUTHENTICATIONFAILED] who?"

    def on_create(self, _words):
        return "NO [ALREADYEXISTS] there"

    def on_select(self, words):
        self.tell(f"* {len(self.server.waiting)} EXISTS")
        self.tell(f"* OK [UIDVALIDITY {self.server.numbering}] UIDs valid")
        return "" if words[1] == '"INBOX"' else "NO no such mailbox"

    def on_search(self, _words):
        left = sorted(set(self.server.waiting) - self.server.deleted)
        self.tell("* SEARCH " + " ".join(map(str, left)))

    def on_fetch(self, words):
        raw = self.server.waiting.get(int(words[2]))
        if raw is None:
            return
        most = int(re.search(r"<0\.(\d+)>", " ".join(words))[1])
        part = raw[:most]
        date = "22-Nov-2026 10:30:06 +0100"
        self.wfile.write(
            f'* 1 FETCH (UID {words[2]} INTERNALDATE "{date}" BODY[]<0> '.encode()
            + b"{%d}\r\n%s)\r\n" % (len(part), part)
        )

    def on_move(self, words):
        self.on_copy(words)
        for uid in _uids(words):
            self.server.waiting.pop(uid, None)

    def on_copy(self, words):
        for uid in _uids(words):
            if uid in self.server.waiting:
                self.server.aside[uid] = self.server.waiting[uid]

    def on_store(self, words):
        self.server.deleted.update(_uids(words))

    def on_expunge(self, _words):
        for uid in self.server.deleted:
            self.server.waiting.pop(uid, None)

    def on_logout(self, _words):
        self.tell("* BYE")


def _uids(words):
    return [int(uid) for uid in words[2].split(",")]

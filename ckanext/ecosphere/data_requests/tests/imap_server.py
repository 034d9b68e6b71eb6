"""A minimal IMAP server with one folder: LOGIN, SEARCH for unseen e-mails,
FETCH and STORE (RFC 3501).
"""

from __future__ import annotations

import re
import socketserver
import threading
from typing import Any


class Imap:
    """IMAP server that runs for the duration of a `with` block.

    Attributes:
        port: port it listens on.
        flags: flags of each e-mail.
        sent: number of bytes of e-mails fetched so far.
        withheld: sequence numbers of e-mails that it refuses to send.
    """

    def __init__(self, mails: list[bytes], user: str, password: str) -> None:
        self.mails, self.user, self.password = mails, user, password
        self.flags: list[set[str]] = [set() for _each in mails]
        self.sent = 0
        self.withheld: set[int] = set()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer._serve(self)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self) -> Imap:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler: Any) -> None:
        def say(line: str) -> None:
            handler.wfile.write(f"{line}\r\n".encode())

        say("* OK ready")
        while line := handler.rfile.readline().decode().strip():
            tag, command, *rest = line.split(" ", 2)
            words = rest[0] if rest else ""
            if command == "CAPABILITY":
                say("* CAPABILITY IMAP4rev1")
            elif command == "LOGIN" and words != f'{self.user} "{self.password}"':
                say(f"{tag} NO wrong password")
                continue
            elif command == "SELECT":
                say(f"* {len(self.mails)} EXISTS")
            elif command == "UID" and not self._uid(words, say, handler):
                say(f"{tag} NO not now")
                continue
            elif command == "LOGOUT":
                say("* BYE")
                say(f"{tag} OK")
                return
            say(f"{tag} OK done")

    def _uid(self, words: str, say: Any, handler: Any) -> bool:
        command, rest = words.split(" ", 1)
        if command == "SEARCH":
            waiting = [
                str(n)
                for n, flags in enumerate(self.flags, 1)
                if not flags & {"\\Seen", "\\Flagged"}
            ]
            say(" ".join(["* SEARCH", *waiting]))
            return True
        number, what = rest.split(" ", 1)
        mail = self.mails[int(number) - 1]
        if command == "STORE":
            self.flags[int(number) - 1] |= set(re.findall(r"\\\w+", what))
        elif "RFC822.SIZE" in what:
            say(f"* {number} FETCH (UID {number} RFC822.SIZE {len(mail)})")
        elif int(number) in self.withheld:
            return False
        else:
            part = mail.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n" if "HEADER" in what else mail
            self.sent += len(part)
            say(
                f"* {number} FETCH (UID {number} {what.strip('()').replace('.PEEK', '')} {{{len(part)}}}"
            )
            handler.wfile.write(part + b")\r\n")
        return True

"""Mail catcher of the demonstration: an SMTP server that stores the portal's e-mails, and a page
that shows them.

Nothing leaves the machine. Messages are files in `.local/mail`; the page lists them, latest first.

    python -m dev.stack.mailbox FOLDER SMTP_PORT PAGE_PORT
"""

from __future__ import annotations

import email
import email.policy
import logging
import sys
import time
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment
from werkzeug.serving import run_simple
from werkzeug.wrappers import Request, Response


class Keeper:
    """SMTP handler that stores each message as a file and deletes the oldest."""

    def __init__(self, folder: Path, kept: int) -> None:
        self.folder, self.kept = folder, kept

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Store a message."""
        (self.folder / f"{time.time_ns()}.eml").write_bytes(envelope.content)
        for old in sorted(self.folder.glob("*.eml"))[: -self.kept]:
            old.unlink(missing_ok=True)
        return "250 OK"


def read(path: Path) -> EmailMessage:
    """Read a message."""
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)  # pyright: ignore[reportReturnType]


def page(folder: Path, name: str) -> str | None:
    """Return the page of a message, or the list of all for an empty name.

    None if there is no such message.
    """
    mail, mails = None, []
    if name:
        path = folder / f"{name}.eml"
        if not name.isdigit() or not path.is_file():
            return None
        mail = read(path)
    else:
        mails = [(path.stem, read(path)) for path in sorted(folder.glob("*.eml"), reverse=True)]
    text = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    return Environment(autoescape=True).from_string(text).render(mail=mail, mails=mails)


def answered(folder: Path, request: Request) -> Response:
    """Answer with a page of a folder."""
    text = page(folder, request.path.strip("/"))
    if text is None:
        return Response(status=404)
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(text, headers=policy, content_type="text/html; charset=utf-8")


def main() -> None:
    """Serve until stopped."""
    from aiosmtpd.controller import Controller

    folder, smtp, port, kept = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    folder.mkdir(parents=True, exist_ok=True)
    Controller(Keeper(folder, kept), hostname="127.0.0.1", port=smtp).start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells each request
    run_simple("127.0.0.1", port, Request.application(partial(answered, folder)), threaded=True)


if __name__ == "__main__":
    main()

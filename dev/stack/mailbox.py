"""Mail catcher of the demonstration: an SMTP server that stores the portal's e-mails, and a page that shows them.

Nothing leaves the machine. Messages are files in `.local/mail`; the page lists them, latest first.

    python -m dev.stack.mailbox FOLDER SMTP_PORT PAGE_PORT
"""

from __future__ import annotations

import email
import email.policy
import html
import sys
import time
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAGE = """<!doctype html><html lang="fr"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere }} li {{ margin: .4rem 0 }}</style>
<h1>{title}</h1>{body}</html>"""


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


def listing(folder: Path) -> str:
    """Return the page that lists the messages."""
    items = []
    for path in sorted(folder.glob("*.eml"), reverse=True):
        mail = read(path)
        label = html.escape(f"{mail['Date']} – {mail['To']} – {mail['Subject']}")
        items.append(f'<li><a href="/{path.stem}">{label}</a></li>')
    body = f"<ol>{''.join(items)}</ol>" if items else "<p>Aucun courriel n’est encore parti.</p>"
    return PAGE.format(title="Courriels du guichet de démonstration", body=body)


def message(path: Path) -> str:
    """Return the page of a message, with its headers and plain text."""
    mail = read(path)
    head = "".join(f"<p><b>{name}</b> : {html.escape(str(mail[name]))}</p>" for name in ("From", "To", "Date"))
    part = mail.get_body(preferencelist=("plain", "html"))
    text = html.escape(part.get_content() if part else "")
    body = f'{head}<pre>{text}</pre><p><a href="/">Tous les courriels</a></p>'
    return PAGE.format(title=html.escape(str(mail["Subject"])), body=body)


def handler(folder: Path) -> type[BaseHTTPRequestHandler]:
    """Return a request handler for the pages of a folder."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.strip("/")
            path = folder / f"{name}.eml"
            if name and not (name.isdigit() and path.is_file()):
                self.send_error(404)
                return
            content = (message(path) if name else listing(folder)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Do not log requests."""

    return Answer


def main() -> None:
    """Serve until stopped."""
    from aiosmtpd.controller import Controller

    folder, smtp, page, kept = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    folder.mkdir(parents=True, exist_ok=True)
    controller = Controller(Keeper(folder, kept), hostname="127.0.0.1", port=smtp)
    controller.start()
    ThreadingHTTPServer(("127.0.0.1", page), handler(folder)).serve_forever()


if __name__ == "__main__":
    main()

"""A real SMTP server that keeps the messages it receives, and can reject them."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Postbox:
    """Messages received.

    Attributes:
        address: host:port of the server.
        mails: messages, oldest first.
        failures: how many of the next messages are rejected.
    """

    address: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    failures: int = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.failures:
            self.failures -= 1
            return "451 try again later"
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # pyright: ignore
        return "250 OK"

    def to(self, person: str) -> list[EmailMessage]:
        """Return the messages to a test user."""
        return [mail for mail in self.mails if mail["To"].addresses[0].username == person]

    def subjects(self, person: str) -> list[str]:
        """Return the subjects of the messages to a test user, without the name of the portal."""
        return [str(mail["Subject"]).split("] ", 1)[-1] for mail in self.to(person)]

    def clear(self) -> None:
        """Delete all messages."""
        self.mails.clear()


def body(mail: EmailMessage, kind: str = "plain") -> str:
    """Return the text of a message, "plain" or "html"."""
    part = mail.get_body(preferencelist=(kind,))
    assert part is not None
    return part.get_content()


@contextmanager
def serving() -> Iterator[Postbox]:
    """Run an SMTP server for the duration of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    box = Postbox(f"127.0.0.1:{port}")
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()

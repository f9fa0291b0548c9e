"""A mail server on a real socket that hangs, or answers as it is told."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

from django.conf import settings


class MailServer(socketserver.ThreadingTCPServer):
    """`recipient_answers` are given to RCPT, one after the other, then 250. `arrived` is set when somebody connected,
    `let_go` ends a hang."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *, hangs: bool, recipient_answers: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Dialogue)
        self.hangs = hangs
        self.recipient_answers = recipient_answers
        self.arrived, self.let_go = threading.Event(), threading.Event()
        self.mails: list[EmailMessage] = []


class _Dialogue(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = cast(MailServer, self.server)
        server.arrived.set()
        if server.hangs:
            server.let_go.wait()
            return
        self.say("220 ready")
        while line := self.rfile.readline().strip().upper():
            if line.startswith(b"RCPT"):
                self.say(server.recipient_answers.pop(0) if server.recipient_answers else "250 fine")
            elif line == b"DATA":
                self.say("354 go on")
                server.mails.append(self.mail())
                self.say("250 taken")
            elif line == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 fine")

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def mail(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        return message_from_bytes(b"".join(lines), policy=policy.default)


@contextmanager
def a_mail_server(*, hangs: bool = False, recipient_answers: list[str] | None = None) -> Iterator[MailServer]:
    """Running, and used by Django's mail for as long as the block lasts."""
    server = MailServer(hangs=hangs, recipient_answers=recipient_answers or [])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    mine = {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": server.server_address[1],
        "EMAIL_USE_TLS": False,
        "EMAIL_USE_SSL": False,
        "EMAIL_HOST_USER": "",
        "EMAIL_HOST_PASSWORD": "",
    }
    before = {name: getattr(settings, name) for name in mine}
    try:
        for name, value in mine.items():
            setattr(settings, name, value)
        yield server
    finally:
        for name, value in before.items():
            setattr(settings, name, value)
        server.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()

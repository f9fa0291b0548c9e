"""One connection to the sandbox: which path gets which answer."""

import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol

import msgspec

from exporter.sandbox import answer as answers
from exporter.sandbox.answer import SandboxAnswer, as_json, refused
from exporter.sandbox.body import BodyRefusedError, read_body
from exporter.sandbox.buttons import Buttons, NoSuchButton
from exporter.sandbox.control import Control
from exporter.sandbox.memory import KeptRequest, Memory
from exporter.sandbox.offer import CALL_TYPES, Offer, SandboxRefusal, basic_user, examine, last4
from exporter.sandbox.page import STYLE, page
from exporter.sandbox.rules import StandingRule

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]", ""})
NOT_FOUND = SandboxRefusal(404, "not_found", "There is nothing here.")


class Site(Protocol):
    """What the handler needs of the server it belongs to."""

    control: Control
    memory: Memory
    buttons: Buttons
    stopping: threading.Event

    @property
    def url(self) -> str: ...


class SandboxHandler(BaseHTTPRequestHandler):
    """`POST /v1/…` is Segment's side; everything else is for the people who watch."""

    server: Site  # type: ignore[assignment]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 65_536
    timeout = 600

    def log_message(self, *args: Any, **named: Any) -> None:
        """Nothing is logged: a request line or a header could carry a key."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.close_connection = True
        self._send(
            refused(
                SandboxRefusal(int(code), "bad_request", "This is not a request the sandbox understands.")
            )
        )

    def do_POST(self) -> None:
        path = self.path.partition("?")[0]
        root, _, kind = path.rpartition("/")
        if root == "/v1" and (kind == "batch" or kind in CALL_TYPES):
            self._take(kind)
        elif path == "/control" and self._from_here():
            self._send(self._controlled())
        elif path == "/press" and self._from_here():
            self._send(self._pressed())
        else:
            self.close_connection = True
            self._send(refused(NOT_FOUND))

    def do_DELETE(self) -> None:
        if self.path == "/control" and self._from_here():
            cleared = self.server.control.shown()
            self.server.control.clear()
            self._send(as_json(cleared))
        else:
            self.close_connection = True
            self._send(refused(NOT_FOUND))

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, errors="replace"))
        self._send(self._shown(url.path, query) if self._from_here() else refused(NOT_FOUND))

    def _shown(self, path: str, query: dict[str, str]) -> SandboxAnswer:
        memory = self.server.memory
        if path == "/":
            text = page(self.server.url, memory, self.server.control.shown(), self.server.buttons, query)
            return SandboxAnswer(
                200, text.encode(), {"Content-Type": "text/html; charset=utf-8", **PAGE_HEADERS}
            )
        if path == "/sandbox.css":
            return SandboxAnswer(
                200, STYLE.encode(), {"Content-Type": "text/css; charset=utf-8", **PAGE_HEADERS}
            )
        if path == "/stats":
            return as_json(memory.stats())
        if path == "/requests":
            return as_json(memory.requests())
        if path == "/control":
            return as_json(self.server.control.shown())
        if path == "/calls":
            chosen = {name: query.get(name, "") for name in ("event", "message_id", "key4")}
            limit = query.get("limit", "100")
            if not (limit.isascii() and limit.isdigit()):
                return refused(SandboxRefusal(400, "bad_limit", "limit must be a whole number."))
            return as_json(memory.calls(limit=int(limit[:9]), **chosen))
        return refused(NOT_FOUND)

    def _from_here(self) -> bool:
        """Whether the Host is a loopback name, so that no web page can reach in by DNS rebinding."""
        host = self.headers.get("Host", "")
        return (host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host).lower() in LOCAL_NAMES

    def _controlled(self) -> SandboxAnswer:
        """The JSON content type is required because a foreign web page cannot send it unasked."""
        if self.headers.get_content_type() != "application/json":
            self.close_connection = True
            return refused(SandboxRefusal(415, "not_json", "Send Content-Type: application/json."))
        try:
            added = self.server.control.change(read_body(self.headers, self.rfile))
        except BodyRefusedError as error:
            self.close_connection = self.close_connection or not error.whole
            return refused(error.refusal)
        except (msgspec.MsgspecError, RecursionError) as error:
            return refused(SandboxRefusal(400, "bad_rule", str(error)))
        return as_json({"added": added, **self.server.control.shown()})

    def _pressed(self) -> SandboxAnswer:
        try:
            self.server.buttons.press(read_body(self.headers, self.rfile))
        except BodyRefusedError as error:
            self.close_connection = self.close_connection or not error.whole
            return refused(error.refusal)
        except NoSuchButton as error:
            return refused(SandboxRefusal(400, "bad_button", str(error)))
        return SandboxAnswer(303, b"", {"Location": "/", **PAGE_HEADERS})

    def _take(self, kind: str) -> None:
        memory = self.server.memory
        number = memory.enter()
        try:
            answer, standing = self._exchange(kind, number)
            slow = standing is not None and (standing.rule.hang or standing.rule.slow_body)
            if slow:
                self._transmit(answer, standing)
        finally:
            # Before a quick answer, not after: the client's next request must not find this one in flight.
            memory.leave()
        if not slow:
            self._transmit(answer, standing)

    def _exchange(self, kind: str, number: int) -> tuple[SandboxAnswer, StandingRule | None]:
        """Read the request, choose its rule, keep its calls, wait: all but the sending of the answer."""
        began, at = time.monotonic(), time.time()
        offer, standing = self._offer_and_rule(kind)
        answer = self._answer(number, offer, standing)
        delay = self.server.control.latency_ms + (standing.rule.delay_ms if standing else 0)
        if delay:
            self.server.stopping.wait(delay / 1000)
        silent = standing is not None and (standing.rule.resets() or standing.rule.hang)
        self.server.memory.record(
            KeptRequest(
                number=number,
                at=at,
                path=f"/v1/{kind}",
                key4=last4(offer.key),
                bytes=offer.size,
                calls=len(offer.calls),
                first_message_id=_first_message_id(offer),
                sent_at=offer.sent_at,
                status=None if silent else answer.status,
                answer="" if silent else answer.body[:200].decode(errors="replace"),
                rule=standing.number if standing else None,
                milliseconds=round((time.monotonic() - began) * 1000, 3),
            )
        )
        return answer, standing

    def _offer_and_rule(self, kind: str) -> tuple[Offer, StandingRule | None]:
        """A reset that asks nothing of the body comes before it is read, as from a dying load balancer."""
        rules = self.server.control.rules
        if rules.needs_body():
            offer = self._offer(kind)
            return offer, rules.choose(offer)
        unread = Offer(key=basic_user(self.headers.get("Authorization", "")))
        standing = rules.choose(unread)
        if standing is not None and standing.rule.resets() and not standing.rule.stores():
            return unread, standing
        return self._offer(kind), standing

    def _offer(self, kind: str) -> Offer:
        authorization = self.headers.get("Authorization", "")
        try:
            body = read_body(self.headers, self.rfile)
        except BodyRefusedError as error:
            self.close_connection = self.close_connection or not error.whole
            return Offer(key=basic_user(authorization), size=error.size, refusal=error.refusal)
        offer = examine(kind, authorization, body)
        if offer.refusal is None and self.headers.get_content_type() != "application/json":
            offer.refusal = SandboxRefusal(400, "not_json", "Send Content-Type: application/json.")
        return offer

    def _answer(self, number: int, offer: Offer, standing: StandingRule | None) -> SandboxAnswer:
        """The natural answer, with the rule laid over it; keeps the calls where both let them in."""
        control = self.server.control
        refusal = control.refusal(offer)
        if refusal is None and (standing is None or standing.rule.stores()):
            try:
                self.server.memory.keep(number, offer, known=control.knows(offer.key))
            except OSError:
                refusal = SandboxRefusal(500, "cannot_store", "The sandbox cannot write its file of ids.")
        answer = as_json({"success": True}) if refusal is None else refused(refusal)
        return answer if standing is None else answer.with_rule(standing.rule)

    def _transmit(self, answer: SandboxAnswer, standing: StandingRule | None) -> None:
        if standing is not None and standing.rule.interim:
            answers.interim(self.connection, standing.rule.interim)
        if standing is None:
            self._send(answer)
        elif standing.rule.resets():
            self.close_connection = True
            answers.reset(self.connection)
        elif standing.rule.hang:
            self.close_connection = True
            answers.hang(self.connection, self.server.stopping)
        elif standing.rule.slow_body:
            answers.dribble(self.connection, answer, self.server.stopping, close=self.close_connection)
        else:
            self._send(answer)

    def _send(self, answer: SandboxAnswer) -> None:
        self.close_connection = self.close_connection or answer.misframed()
        answers.send(self.connection, answer, close=self.close_connection)


def _first_message_id(offer: Offer) -> str | None:
    first = offer.calls[0].message_id if offer.calls else None
    return first if isinstance(first, str) else None

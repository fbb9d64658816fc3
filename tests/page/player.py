"""A server of the tests' own that plays a trace as a loop would, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

STATIC = Path(__file__).resolve().parents[2] / "src" / "fivestep" / "page" / "static"
POLICY = (  # as strict as the real server's: what the component needs beyond it would show here
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Message = dict[str, Any]


class Player:
    """Plays a trace, one step, one iteration or all of it at a time."""

    def __init__(self, trace: list[Message], port: int = 0) -> None:
        self.trace = trace
        self.requests: list[Message] = []
        self.streams: list[int] = []  # what each stream asked for: the number after which
        self.open = 0  # streams that are open now
        self.said: list[Message] = []
        self.knobs = {name: knob["value"] for name, knob in trace[0].get("knobs", {}).items()}
        self.paused, self.speed = True, 5.0
        self.next, self.round = 0, 0
        self.stopping = False
        self.expected_to_die = False  # by the test: the browser may complain of it
        self._news = threading.Condition(threading.RLock())
        self._server = _server(self, port)
        self.port: int = self._server.server_address[1]
        self.begin()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def close(self) -> None:
        """Go away as a killed process does: streams end, and nobody answers any more."""
        with self._news:
            self.stopping = True
            self._news.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def verbs(self) -> list[Any]:
        return [one["verb"] for one in self.requests]

    def say(self, message: Message) -> None:
        with self._news:
            self.said.append(message | {"v": 1, "seq": len(self.said) + 1})
            self._news.notify_all()

    def begin(self) -> None:
        self.round += 1
        self.say(self.trace[0] | {"run": f"by-hand-{self.round}"})
        self.next, self.paused = 1, True
        self.tell()

    def tell(self) -> None:
        iteration, step = self.place()
        self.say(
            {
                "kind": "state", "paused": self.paused, "speed": self.speed,
                "iteration": iteration, "step": step, "knobs": dict(self.knobs),
            }
        )  # fmt: skip

    def place(self) -> tuple[int, str | None]:
        """The iteration and the step last played since the beginning of the run."""
        for one in reversed(self.trace[: self.next]):
            if one["kind"] == "moment":
                return one["iteration"], one["step"]
        return 0, None

    def advance(self, until: str = "") -> None:
        """Say all up to the next message of a kind, and what belongs to it; "" for all."""
        reached = False
        while self.next < len(self.trace):
            message = self.trace[self.next]
            if reached and message["kind"] == "moment":
                break
            self.say(message)
            self.next += 1
            reached = reached or message["kind"] == until

    def take(self, request: Message) -> None:
        with self._news:
            self.requests.append(request)
            verb = request["verb"]
            if verb == "reset":
                self.begin()
            elif verb in ("step", "iteration"):
                self.advance({"step": "moment"}.get(verb, verb))
            elif verb == "epoch":
                self.advance()
            elif verb in ("play", "pause"):
                self.paused = verb == "pause"
            self.say(self._answer(request))
            self.tell()

    def _answer(self, request: Message) -> Message:
        iteration, step = self.place()
        ack = {"kind": "ack", "id": request["id"], "iteration": iteration, "step": step}
        if request["verb"] != "knob":
            if request["verb"] == "speed":
                self.speed = request["value"]
            return ack | {"applied": {"verb": request["verb"]}}
        if request["name"] == "lr" and request["value"] > 1000:
            return {"kind": "ack", "id": request["id"], "refused": "lr: from 0 to 1000"}
        self.knobs[request["name"]] = request["value"]
        return ack | {"applied": {"knob": request["name"], "value": request["value"]}}

    def read(self, after: int, patience: float = 0.5) -> list[Message]:
        with self._news:
            if len(self.said) <= after and not self.stopping:
                self._news.wait(patience)
            return self.said[after:]


def _server(player: Player, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/events":
                return self.stream(int(parse_qs(url.query)["after"][0]))
            names = {"/": "index.html", "/component.js": "component.js"}
            if url.path not in names:
                return self.send_error(404)
            kind = "text/html" if url.path == "/" else "text/javascript"
            return self.answer(kind, (STATIC / names[url.path]).read_bytes())

        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            player.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.answer("application/json", b"{}")

        def answer(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            self.wfile.write(body)

        def stream(self, after: int) -> None:
            player.streams.append(after)
            if after > len(player.said):  # of a server that was here before
                after = 0
            player.open += 1
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            try:
                while not player.stopping:
                    news = player.read(after)
                    for one in news:
                        self.wfile.write(f"id: {one['seq']}\ndata: {json.dumps(one)}\n\n".encode())
                    after += len(news)
                    self.wfile.write(b": here\n\n")
                    self.wfile.flush()
            except OSError:
                pass  # the page has let go
            finally:
                player.open -= 1

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def wait_until(true: Any, seconds: float = 60) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)

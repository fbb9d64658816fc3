"""Serves the page: the component, messages down, requests up. Starlette and uvicorn."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from fivestep.page.access import Access, App, Gate
from fivestep.page.protocol import VERSION, Message, RefusedError, encode, request
from fivestep.page.ring import Entry, Ring

STATIC = Path(__file__).parent / "static"
READERS = 12  # streams at once
CONNECTIONS = 64  # at once; of more, one that asks for nothing is let go
BREATH = 0.02  # seconds between two bundles for a reader
SILENCE = 10.0  # seconds after which a reader is told that all is well
GRACE = 1  # seconds for the last answers
NOT_BUILT = "The page has not been built in this checkout: do: npm run build, in the folder page\n"


class Pages:
    """What the routes do.

    Args:
        ring: the messages, as lines of JSON.
        ask: takes a request; False if it cannot be taken now, RefusedError if never.
        save: makes one file of what is shown, or of the runs with these numbers; None where there
            is nothing to make.
    """

    def __init__(
        self,
        ring: Ring[bytes],
        ask: Callable[[Message], bool],
        save: Callable[[list[int]], bytes] | None = None,
    ) -> None:
        self._ring, self._ask, self._save = ring, ask, save
        self.readers = 0  # streams that are open now
        self.closing = False
        self.read = False  # somebody has read the stream

    def routes(self) -> list[Route]:
        """All that is served."""
        return [
            Route("/", self._page, methods=["GET"]),
            Route("/component.js", self._component, methods=["GET"]),
            Route("/events", self._events, methods=["GET"]),
            Route("/run.html", self._saved, methods=["GET"]),
            Route("/request", self._request, methods=["POST"]),
        ]

    async def _page(self, asked: Request) -> Response:
        return _file("index.html", "text/html; charset=utf-8")

    async def _component(self, asked: Request) -> Response:
        return _file("component.js", "text/javascript; charset=utf-8")

    async def _saved(self, asked: Request) -> Response:
        if self._save is None:
            return JSONResponse({"refused": "there is no such page"}, status_code=404)
        asked_for = asked.query_params.get("of", "")
        if not re.fullmatch(r"([0-9]{1,3}(,[0-9]{1,3}){0,11})?", asked_for):
            return JSONResponse({"refused": "of: the numbers of runs"}, status_code=400)
        places = [int(one) for one in asked_for.split(",") if one]
        try:
            made = await asyncio.to_thread(self._save, places)
        except (OSError, ValueError) as error:
            return JSONResponse({"refused": str(error)}, status_code=409)
        named = {"content-disposition": 'attachment; filename="run.html"'}
        return Response(made, media_type="text/html; charset=utf-8", headers=named)

    async def _request(self, asked: Request) -> Response:
        try:
            checked = request(json.loads(await asked.body()))
        except (ValueError, RecursionError) as error:  # RefusedError is a ValueError, too
            words = str(error) if isinstance(error, RefusedError) else "this is not JSON"
            return JSONResponse({"refused": words}, status_code=400)
        try:
            taken = self._ask(checked)
        except RefusedError as error:
            return JSONResponse({"refused": str(error)}, status_code=409)
        if not taken:
            return JSONResponse({"refused": "too many requests wait"}, status_code=503)
        return JSONResponse({"id": checked["id"]}, status_code=202)

    async def _events(self, asked: Request) -> Response:
        after = asked.headers.get("last-event-id") or asked.query_params.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 16):
            return JSONResponse({"refused": "after: a whole number was expected"}, status_code=400)
        if self.readers >= READERS:
            return JSONResponse({"refused": f"{READERS} windows look on already"}, status_code=503)
        self.read = True
        return StreamingResponse(self._stream(int(after)), media_type="text/event-stream")

    async def _stream(self, after: int) -> AsyncIterator[bytes]:
        if after > self._ring.last:  # of a server that was here before
            after = 0
        self.readers += 1
        try:
            yield b": hello\n\n"
            while not self.closing:
                entries = self._ring.read(after)
                if not entries:
                    if not await self._news(after):
                        yield b": still here\n\n"
                    continue
                yield _events(entries, after)
                after = entries[-1].seq
                await asyncio.sleep(BREATH)
        finally:
            self.readers -= 1

    async def _news(self, after: int) -> bool:
        """Wait for a message, not for ever."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(news.set)
            except RuntimeError:  # the server has ended meanwhile
                return

        if not self._ring.call(wake, after):
            return True
        try:
            await asyncio.wait_for(news.wait(), SILENCE)
        except TimeoutError:
            return False
        finally:
            self._ring.forget(wake)
        return True


def _events(entries: list[Entry[bytes]], after: int) -> bytes:
    """Messages as server-sent events; after them a word on those that were left out between."""
    parts = [b"id: %d\ndata: %s\n\n" % (one.seq, one.content) for one in entries]
    last = entries[-1].seq
    missing = last - after - len(entries)
    if missing > 0:
        told = {
            "v": VERSION, "seq": last, "kind": "skipped", "from": after + 1, "to": last,
            "count": missing,
        }  # fmt: skip
        parts.append(b"id: %d\ndata: %s\n\n" % (last, encode(told)))
    return b"".join(parts)


def _file(name: str, kind: str) -> Response:
    path = STATIC / name
    if not path.is_file():
        return PlainTextResponse(NOT_BUILT, status_code=404)
    return FileResponse(path, media_type=kind)


class _Protocol(H11Protocol):
    """Connections that ask for nothing cannot keep out one that does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            idle = next((one for one in self.connections if one is not self and _rests(one)), self)
            self.connections.discard(idle)  # at once: its end is heard of later
            idle.transport.abort()


def _rests(connection: object) -> bool:
    cycle = getattr(connection, "cycle", None)
    return cycle is None or cycle.response_complete


class Server:
    """A server in a thread of its own.

    Args:
        ring: the messages, as lines of JSON.
        ask: takes a request; False if it cannot be taken now, RefusedError if never.
        host: to bind to.
        port: 0 for any that is free.
        save: makes one file of what is shown.
        stranger: told a new link when the old one is used up and somebody asks for the page.

    Raises:
        OSError: the port is taken.
    """

    def __init__(
        self,
        ring: Ring[bytes],
        ask: Callable[[Message], bool],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Sequence[str] = (),
        stranger: Callable[[str], None] = lambda link: None,
        save: Callable[[list[int]], bytes] | None = None,
    ) -> None:
        self._socket = _bound(host, port)
        self.access = Access(host, self._socket.getsockname()[1], names)
        self.pages = Pages(ring, ask, save)
        self._ring, self._stranger, self._told = ring, stranger, 0.0
        self.app: App = Gate(
            Starlette(routes=self.pages.routes()), self.access, self._meets_stranger
        )
        self._server = uvicorn.Server(
            uvicorn.Config(
                self.app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=GRACE,
                h11_max_incomplete_event_size=16_384,
            )
        )
        self._thread = threading.Thread(target=self._run, name="fivestep page", daemon=True)

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def _meets_stranger(self) -> None:
        now = time.monotonic()
        if now - self._told > 10:  # a line in the terminal, not a flood of them
            self._told = now
            self._stranger(self.access.renew())

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what is being answered, and end."""
        self.pages.closing = True
        self._ring.rouse()  # a stream that waits for news hears that there will be none
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        # On Windows that option would let another share the port; there is one against it.
        own = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
        opened.setsockopt(socket.SOL_SOCKET, own, 1)
        opened.bind((host, port))
        opened.listen(128)
    except OSError as error:
        opened.close()
        raise OSError(
            f"cannot serve at {host}:{port}: {error.strerror}\n  do: name another --port, or none"
        ) from error
    return opened

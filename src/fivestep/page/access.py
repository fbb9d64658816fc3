"""Who may ask: the one gate before all that the server serves. What is not allowed is refused.

A page of any site can send requests to a loopback address, and a name that anybody owns can be made
to point to it. So the gate wants the exact Host, no foreign Origin, a cookie that only the one-time
link gives, and of a request with a body the JSON type and a modest size.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import re
import secrets
import socket
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY = 8192  # bytes of a request: 200 points of a learner's own
ROUTES = {
    ("GET", "/"), ("GET", "/component.js"), ("GET", "/events"), ("GET", "/run.html"),
    ("POST", "/request"),
}  # fmt: skip
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def check_host(
    host: str,
    *,
    public: bool,
    names: Sequence[str] = (),
    does: str = "sees the script and steers it",
) -> None:
    """Refuse to be reached from other machines, unless that is asked for.

    Args:
        host: the address to serve at.
        public: it is asked for.
        names: hosts that it answers to besides its own.
        does: what whoever reaches the page does.

    Raises:
        ValueError: the address is not one of this machine alone, or a name is none.
    """
    if names and not public:
        raise ValueError(
            f"--name {names[0]} lets the page be reached by one more name, from other machines\n"
            "  do: leave it out, or add --public if that is meant"
        )
    for name in names:
        _named(name, 0)
    if public or host == "localhost" or _is_loopback(host):
        return
    raise ValueError(
        f"--host {host} can be reached from other machines, and whoever reaches the page {does}\n"
        "  do: leave --host out and come through ssh -L, or add --public if that is meant"
    )


def _named(name: str, port: int) -> list[str]:
    """The Host that a browser sends for a name, with its own port or with ours.

    Raises:
        ValueError: it is no name of a machine.
    """
    found = re.fullmatch(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?", name.lower())
    if found is None:
        raise ValueError(
            f"--name {name}: the name or address of a machine was expected, perhaps with a port\n"
            "  do: for example --name gpu.example.org, --name gpu.example.org:8080"
        )
    host, own = found[1], int(found[2] or port)
    return [f"{host}:{own}", host] if own == 80 else [f"{host}:{own}"]  # browsers leave 80 out


def is_everywhere(host: str) -> bool:
    """Tell whether a server that is bound to this is reached at all addresses of the machine."""
    try:
        return not host or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def own_names(host: str) -> list[str]:
    """The addresses of this machine that others reach, and its name; no packet is sent for it.

    An address as Host is never somebody else's name that points here, and a machine's own name is
    in nobody else's hands.
    """
    found: list[str] = []
    roads = [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")]  # to nowhere
    for family, far in roads:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as opened:
            opened.connect((far, 9))
            found.append(opened.getsockname()[0])
    name = socket.gethostname().lower()
    with suppress(OSError):
        found += [str(one[4][0]) for one in socket.getaddrinfo(name, None)]
    shown = [
        f"[{one}]" if ":" in one else one
        for one in dict.fromkeys(found)
        if "%" not in one and not is_everywhere(one) and not _is_loopback(one)
        and (":" in host or ":" not in one)
    ]  # fmt: skip
    named = re.fullmatch(r"[a-z0-9.-]+", name) and not name.startswith("localhost")
    return [*shown, *([name] if named else [])]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Access:
    """The link that is good for one browser, and the cookie that it gives.

    Args:
        host: that the server is bound to.
        port: of it.
        names: by which it is also reached, perhaps each with a port.
    """

    def __init__(self, host: str, port: int, names: Sequence[str] = ()) -> None:
        shown = f"[{host}]" if ":" in host else host
        everywhere = is_everywhere(host)
        loopback = ["127.0.0.1", "localhost", "[::1]"]
        own = own_names(host) if everywhere else [shown]
        more = loopback if everywhere or host == "localhost" or _is_loopback(host) else []
        given = [_named(name, port) for name in names]
        shown_at = [*(hosts[-1] for hosts in given), *(f"{name}:{port}" for name in own)]
        if everywhere:
            shown_at.append(f"127.0.0.1:{port}")
        self.addresses = [f"http://{one}" for one in shown_at]
        self.address = self.addresses[0]
        self.hosts = {f"{name}:{port}" for name in (*own, *more)}
        self.hosts |= {one for hosts in given for one in hosts}
        self.cookie = f"fivestep-{port}"  # cookies know no ports
        self._token = secrets.token_urlsafe(32)
        self._key: str | None = None
        self.link = self.renew()

    def renew(self) -> str:
        """Make a new link; one that was not used is good no more."""
        self._key = secrets.token_urlsafe(32)
        self.link = f"{self.address}/?key={self._key}"
        return self.link

    @property
    def links(self) -> list[str]:
        """The same link by each address; one of them is good, once."""
        return [f"{one}/?key={self._key}" for one in self.addresses]

    def redeem(self, key: str) -> bool:
        """Use the link, once."""
        good = self._key is not None and hmac.compare_digest(self._key.encode(), key.encode())
        if good:
            self._key = None
        return good

    def knows(self, cookie: str) -> bool:
        """Tell whether the cookie is ours."""
        try:
            found = SimpleCookie(cookie).get(self.cookie)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self._token.encode())

    def set_cookie(self) -> str:
        """The header that gives the cookie."""
        return f"{self.cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"


class TurnedAwayError(Exception):
    """A request is not let in."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class Gate:
    """Lets in what is allowed, before any route is looked up.

    Args:
        app: what lies behind.
        access: the link and the cookie.
        stranger: called when somebody without cookie asks for the page.
    """

    def __init__(self, app: App, access: Access, stranger: Callable[[], None]) -> None:
        self._app, self._access, self._stranger = app, access, stranger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # a WebSocket: there is none here
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            headers = _headers(scope)
            if await self._redeemed(scope, headers, send):
                return
            self._check(scope, headers)
        except TurnedAwayError as refused:
            await _answer(send, refused.status, {"refused": refused.words})
            return
        await self._app(scope, receive, _sealed(send))

    async def _redeemed(self, scope: Scope, headers: dict[str, str], send: Send) -> bool:
        """Somebody comes by the link: give the cookie, and show the page without the key."""
        query = scope.get("query_string", b"")
        if (scope["method"], scope["path"]) != ("GET", "/") or not query:
            return False
        self._check_sender(headers, scope["method"])
        keys = parse_qs(query.decode("ascii", "replace")).get("key", [])
        if len(keys) == 1 and self._access.redeem(keys[0]):
            more = [("location", "/"), ("set-cookie", self._access.set_cookie())]
            await _answer(send, 303, {}, more)
            return True
        if self._access.knows(
            headers.get("cookie", "")
        ):  # the same link again, in the same browser
            await _answer(send, 303, {}, [("location", "/")])
            return True
        raise self._unknown()

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        method, path = scope["method"], scope["path"]
        self._check_sender(headers, method)
        if not self._access.knows(headers.get("cookie", "")):
            raise (
                self._unknown()
                if path == "/"
                else TurnedAwayError(401, "the link in the terminal comes first")
            )
        written_out = scope.get("raw_path", path.encode()) == path.encode()
        if not written_out or path not in {route for _, route in ROUTES}:
            raise TurnedAwayError(404, "there is no such page")
        if (method, path) not in ROUTES:
            raise TurnedAwayError(405, "not this method")
        if method == "POST":
            _check_body(headers)

    def _check_sender(self, headers: dict[str, str], method: str) -> None:
        host = headers.get("host", "")
        if host not in self._access.hosts:
            raise TurnedAwayError(421, "this server does not go by that name")
        origin = headers.get("origin")
        if origin != f"http://{host}" and (origin is not None or method != "GET"):
            raise TurnedAwayError(403, "asked by another site")
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise TurnedAwayError(403, "asked by another site")

    def _unknown(self) -> TurnedAwayError:
        self._stranger()
        return TurnedAwayError(401, "this link is used up: a new one stands in the terminal")


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        if key in found and key != "cookie":
            if key in ("host", "origin", "content-type", "content-length", "sec-fetch-site"):
                raise TurnedAwayError(400, f"{key} was sent twice")
            continue
        text = value.decode("latin-1")
        found[key] = f"{found[key]}; {text}" if key in found else text
    return found


def _check_body(headers: dict[str, str]) -> None:
    kind = headers.get("content-type", "").lower().replace(" ", "")
    if kind not in ("application/json", "application/json;charset=utf-8"):
        raise TurnedAwayError(415, "application/json was expected")
    length = headers.get("content-length", "")
    if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
        raise TurnedAwayError(411, "a length was expected")
    if int(length[:20]) > BODY:
        raise TurnedAwayError(413, f"at most {BODY} bytes")


def _sealed(send: Send) -> Send:
    """Give every answer the headers that keep the page to itself."""

    async def sealed(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *given]
        await send(message)

    return sealed


async def _answer(
    send: Send, status: int, plain: dict[str, str], more: list[tuple[str, str]] | None = None
) -> None:
    body = json.dumps(plain).encode() if plain else b""
    own = [("content-type", "application/json"), ("content-length", str(len(body)))]
    headers = [(n.encode(), v.encode()) for n, v in [*own, *HEADERS.items(), *(more or [])]]
    if status >= 400:
        headers.append((b"connection", b"close"))  # a body that follows is not read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

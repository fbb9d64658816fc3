"""Attacks on the server, each as a page of another site or a program beside it would try it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Self

import pytest
from starlette.testclient import TestClient

from fivestep.page import access
from fivestep.page import server as serving
from fivestep.page.access import BODY, Access, check_host
from fivestep.page.protocol import VERSION, Message, encode
from fivestep.page.ring import Ring
from fivestep.page.server import Server

PLAY = {"id": "a", "verb": "play"}


class Served:
    """A server that answers, and what reached it."""

    def __init__(self) -> None:
        self.asked: list[Message] = []
        self.strangers: list[str] = []
        self.ring: Ring[bytes] = Ring()
        self.server = Server(self.ring, self._ask, stranger=self.strangers.append)
        self.address = self.server.access.address
        self.port = int(self.address.rpartition(":")[2])

    def _ask(self, request: Message) -> bool:
        self.asked.append(request)
        return True

    def tell(self, kind: str, **fields: Any) -> None:
        told = {"v": VERSION, "seq": self.ring.last + 1, "kind": kind} | fields
        self.ring.write(kind, encode(told))

    def client(self, **options: Any) -> TestClient:
        return TestClient(self.server.app, base_url=self.address, follow_redirects=False, **options)

    def known(self) -> TestClient:
        """A browser that came by the link."""
        client = self.client()
        answer = client.get(self.server.access.link)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/"
        return client


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.server._socket.close()  # pyright: ignore[reportPrivateUsage]


@pytest.fixture
def running(served: Served) -> Iterator[Served]:
    served.server.start()
    yield served
    served.server.stop()


def own(served: Served, **more: str) -> dict[str, str]:
    return {"origin": served.address, "sec-fetch-site": "same-origin"} | more


# --- Who is let in ----------------------------------------------------------------------------


def test_the_link_is_good_once_and_gives_a_cookie_no_script_and_no_other_site_can_use(
    served: Served,
) -> None:
    link = served.server.access.link
    answer = served.client().get(link)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert link.partition("key=")[2] not in cookie
    assert served.client().get(link).status_code == 401
    assert served.strangers, "the terminal has a new one"
    assert served.client().get(served.strangers[-1]).status_code == 303


def test_the_same_link_again_in_the_same_browser(served: Served) -> None:
    client = served.known()
    assert client.get(served.server.access.link).status_code == 303


def test_with_the_cookie_everything_works(served: Served) -> None:
    client = served.known()
    assert client.get("/", headers={"sec-fetch-site": "none"}).status_code in (200, 404)
    answer = client.post("/request", json=PLAY, headers=own(served))
    assert (answer.status_code, answer.json()) == (202, {"id": "a"})
    assert served.asked == [PLAY]


@pytest.mark.parametrize("path", ["/", "/component.js", "/events", "/request", "/nothing"])
@pytest.mark.parametrize("cookie", [None, "", "wrong", "x" * 43, "\x00", '"', "é"])
def test_without_the_cookie_nothing_works(served: Served, path: str, cookie: str | None) -> None:
    headers = own(served)
    if cookie is not None:
        headers["cookie"] = f"{served.server.access.cookie}={cookie}"
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    client = served.client()
    assert client.get(path, headers=encoded).status_code == 401
    assert client.post(path, json=PLAY, headers=encoded).status_code == 401
    assert served.asked == []


@pytest.mark.parametrize("key", ["", "x", "x" * 43, "%00", "é"])
def test_a_guessed_key_opens_nothing(served: Served, key: str) -> None:
    answer = served.client().get(f"/?key={key}")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_two_keys_open_nothing(served: Served) -> None:
    key = served.server.access.link.partition("key=")[2]
    assert served.client().get(f"/?key={key}&key={key}").status_code == 401


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::]:{port}", "",
     "localhost.evil.example:{port}", "127.0.0.1.nip.io:{port}", "0.0.0.0:{port}",
     "127.0.0.1:{port}@evil.example"],
)  # fmt: skip
def test_dns_rebinding(served: Served, host: str) -> None:
    """A name of somebody else's that points here: to the browser it is that site."""
    client = served.known()
    headers = {"host": host.format(port=served.port)}
    assert client.get("/", headers=headers).status_code == 421
    assert client.get(served.server.access.renew(), headers=headers).status_code == 421
    origin = {"origin": f"http://{headers['host']}"}
    assert client.post("/request", json=PLAY, headers=headers | origin).status_code == 421
    assert served.asked == []


def test_the_names_of_this_machine_are_known(served: Served) -> None:
    for name in ("127.0.0.1", "localhost", "[::1]"):
        base = f"http://{name}:{served.port}"
        client = TestClient(served.server.app, base_url=base, follow_redirects=False)
        key = served.server.access.renew().partition("?")[2]
        assert client.get(f"/?{key}").status_code == 303
        assert client.post("/request", json=PLAY, headers={"origin": base}).status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": ""}, {},
        {"origin": "https://127.0.0.1:{port}"}, {"origin": "http://127.0.0.1"},
        {"origin": "http://localhost:{port}"}, {"origin": "http://127.0.0.1:{port}.evil.example"},
        {"origin": "http://127.0.0.1:{port}", "sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1:{port}", "sec-fetch-site": "same-site"},
        {"origin": "http://127.0.0.1:{port}", "sec-fetch-site": "SAME-ORIGIN"},
    ],
)  # fmt: skip
def test_cross_site_post(served: Served, headers: dict[str, str]) -> None:
    client = served.known()
    sent = {name: value.format(port=served.port) for name, value in headers.items()}
    assert client.post("/request", json=PLAY, headers=sent).status_code == 403
    assert served.asked == []


@pytest.mark.parametrize("path", ["/", "/component.js", "/events", "/request"])
def test_another_site_reads_nothing(served: Served, path: str) -> None:
    client = served.known()
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_another_site_cannot_use_up_the_link(served: Served) -> None:
    link = served.server.access.link
    assert served.client().get(link, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert served.client().get(link).status_code == 303


def test_no_leave_for_other_origins(served: Served) -> None:
    answer = served.known().options(
        "/request",
        headers={"origin": "http://evil.example", "access-control-request-method": "POST"},
    )
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


# --- What is let in ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "",
     "application/jsonp", "text/plain; application/json", "application/json; charset=utf-16"],
)  # fmt: skip
def test_what_a_form_can_send_is_refused(served: Served, kind: str) -> None:
    headers = own(served, **{"content-type": kind})
    answer = served.known().post("/request", content=json.dumps(PLAY), headers=headers)
    assert answer.status_code == 415
    assert served.asked == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1", b"nul", b"\xff\xfe", b"{'id': 1}", b'"play"', b"[" * 4000, b"NaN",
     b'{"id":"a","verb":"play","__class__":"os.system"}', b'{"id":"a","verb":"import os"}',
     b'{"id":"a","verb":"knob","name":"lr","value":' + b"9" * 4000 + b"}"],
)  # fmt: skip
def test_malformed_json(served: Served, body: bytes) -> None:
    headers = own(served, **{"content-type": "application/json"})
    answer = served.known().post("/request", content=body, headers=headers)
    assert answer.status_code in (400, 411), answer.text
    if answer.status_code == 400:
        assert answer.json()["refused"]
    assert served.asked == []


def test_an_oversized_body(served: Served) -> None:
    client = served.known()
    headers = own(served, **{"content-type": "application/json"})
    answer = client.post("/request", content=b" " * (BODY + 1), headers=headers)
    assert answer.status_code == 413
    text = json.dumps(PLAY).encode()
    whole = text + b" " * (BODY - len(text))
    assert client.post("/request", content=whole, headers=headers).status_code == 202


@pytest.mark.parametrize(
    "path",
    ["/../pyproject.toml", "/static/index.html", "/..%2f..%2fetc%2fpasswd", "//etc/passwd",
     "/component.js/../../child.py", "/%2e%2e/child.py", "/component.js%00", "/%63omponent.js",
     "/component.js/", "/events/", "/index.html", "/.", "/component.js;x"],
)  # fmt: skip
def test_path_traversal(running: Served, path: str) -> None:
    """As bytes on the wire: a client library would tidy the path up before it sends it."""
    cookie = cookie_of(running)
    status, body = raw(running, f"GET {path} HTTP/1.1", f"Cookie: {cookie}")
    assert status == 404, body
    assert b"import" not in body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "TRACE", "OPTIONS"])
def test_other_methods(served: Served, method: str) -> None:
    client = served.known()
    for path in ("/", "/request", "/events"):
        assert client.request(method, path, headers=own(served)).status_code == 405
    assert client.get("/request").status_code == 405
    assert client.post("/events", json={}, headers=own(served)).status_code == 405


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "", "9" * 40, "٣"])
def test_a_place_that_is_none(served: Served, after: str) -> None:
    answer = served.known().get("/events", params={"after": after})
    assert answer.status_code == 400


def test_every_answer_is_sealed(served: Served) -> None:
    client = served.known()
    answers = [
        client.get("/"), client.get("/nothing"), served.client().get("/"),
        client.post("/request", json=PLAY, headers=own(served)),
        client.get("/", headers={"host": "evil.example"}),
    ]  # fmt: skip
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_a_header_sent_twice(running: Served) -> None:
    cookie = cookie_of(running)
    status, _ = raw(running, "GET / HTTP/1.1", f"Cookie: {cookie}", "Origin: http://evil.example",
                    f"Origin: {running.address}")  # fmt: skip
    assert status == 400


def test_a_websocket_is_refused(running: Served) -> None:
    cookie = cookie_of(running)
    status, _ = raw(
        running, "GET /events HTTP/1.1", f"Cookie: {cookie}", "Connection: Upgrade",
        "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Origin: http://evil.example",
        "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
    )  # fmt: skip
    assert status in (400, 403)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.1.5", "example.com", "", "127.0.0.1.example.com", "2130706433"],
)
def test_a_public_bind_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="--public"):
        check_host(host, public=False)
    check_host(host, public=True)


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Access]:
    """A machine with two addresses and a name, whatever this one has."""
    monkeypatch.setattr(access.socket, "gethostname", lambda: "Lab7")
    found = [
        (0, 0, 0, "", (one, 0)) for one in ("127.0.1.1", "10.0.0.7", "fe80::1%3", "2001:db8::7")
    ]

    def known(*_: Any) -> list[Any]:
        return found

    monkeypatch.setattr(access.socket, "getaddrinfo", known)
    monkeypatch.setattr(access.socket, "socket", _no_road)

    def made(host: str, *names: str) -> Access:
        return Access(host, 8080, names)

    return made


def _no_road(*_: Any) -> Any:
    raise OSError("unreachable")


def test_served_everywhere_it_goes_by_the_machines_own_names(public: Callable[..., Access]) -> None:
    made = public("0.0.0.0")
    assert made.hosts == {
        f"{one}:8080" for one in ("10.0.0.7", "lab7", "127.0.0.1", "localhost", "[::1]")
    }
    hosts = [link.partition("/?key=")[0] for link in made.links]
    assert hosts == ["http://10.0.0.7:8080", "http://lab7:8080", "http://127.0.0.1:8080"]
    assert made.link == made.links[0]
    assert len({link.partition("=")[2] for link in made.links}) == 1, "one key, good once"
    both = public("::").hosts
    assert {"10.0.0.7:8080", "[2001:db8::7]:8080"} <= both
    assert not any("%" in one or "0.0.0.0" in one or "[::]" in one for one in both)


def test_one_address_is_that_one_alone(public: Callable[..., Access]) -> None:
    assert public("10.0.0.7").hosts == {"10.0.0.7:8080"}
    assert public("127.0.0.1").hosts == {f"{n}:8080" for n in ("127.0.0.1", "localhost", "[::1]")}


def test_more_names_are_those_that_were_given_and_no_others(public: Callable[..., Access]) -> None:
    made = public("0.0.0.0", "GPU.example.org", "proxy.example.org:80", "[2001:DB8::9]:9000")
    assert {
        "gpu.example.org:8080", "proxy.example.org:80", "proxy.example.org", "[2001:db8::9]:9000",
    } <= made.hosts  # fmt: skip
    assert made.link.startswith("http://gpu.example.org:8080/?key=")
    assert "example.org:8080" not in made.hosts


@pytest.mark.parametrize("name", ["", "*", "a b", "a/b", "http://a", "a:b", "a:123456", "*.a.org"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="--name"):
        check_host("0.0.0.0", public=True, names=[name])


def test_a_name_is_for_a_public_page() -> None:
    with pytest.raises(ValueError, match="add --public"):
        check_host("127.0.0.1", public=False, names=["gpu.example.org"])


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "0.0.0.0:{port}", "gpu.example.org", "",
     "gpu.example.org.evil.example:{port}", "evil.gpu.example.org:{port}", "gpu.example.org:1",
     "[::]:{port}"],
)  # fmt: skip
def test_dns_rebinding_of_a_public_page(host: str) -> None:
    ring: Ring[bytes] = Ring()
    server = Server(ring, lambda _: True, host="0.0.0.0", names=["gpu.example.org"])
    try:
        port = server.access.address.rpartition(":")[2]
        bases = server.access.addresses
        client = TestClient(server.app, base_url=bases[0], follow_redirects=False)
        for base in bases:
            client = TestClient(server.app, base_url=base, follow_redirects=False)
            key = server.access.renew().partition("?")[2]
            assert client.get(f"/?{key}").status_code == 303, "each link that is printed works"
            assert client.post("/request", json=PLAY, headers={"origin": base}).status_code == 202
        headers = {"host": host.format(port=port)}
        assert client.get("/", headers=headers).status_code == 421
        assert client.get(server.access.renew(), headers=headers).status_code == 421
        origin = {"origin": f"http://{headers['host']}"}
        assert client.post("/request", json=PLAY, headers=headers | origin).status_code == 421
        foreign = {"origin": "http://evil.example"}
        assert client.post("/request", json=PLAY, headers=foreign).status_code == 403
    finally:
        server._socket.close()  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_alone_is_not_public(host: str) -> None:
    check_host(host, public=False)


# --- On the wire ------------------------------------------------------------------------------


def raw(served: Served, line: str, *headers: str) -> tuple[int, bytes]:
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as opened:
        lines = [line, f"Host: 127.0.0.1:{served.port}", *headers]
        opened.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        answer = b""
        while part := opened.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def cookie_of(served: Served) -> str:
    key = served.server.access.renew().rpartition("=")[2]
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    connection.request("GET", f"/?key={key}")
    answer = connection.getresponse()
    assert answer.status == 303
    cookie = answer.getheader("set-cookie") or ""
    connection.close()
    return cookie.partition(";")[0]


class Stream:
    """One window that looks on."""

    def __init__(self, served: Served, cookie: str, after: int = 0) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
        self._connection.request("GET", f"/events?after={after}", headers={"Cookie": cookie})
        self.answer = self._connection.getresponse()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self._connection.close()

    def events(self, count: int) -> list[Message]:
        found: list[Message] = []
        while len(found) < count:
            line = self.answer.readline()
            assert line, "the stream ended"
            if line.startswith(b"data: "):
                found.append(json.loads(line[6:]))
        return found


def test_a_hundred_idle_connections_keep_nobody_out(running: Served) -> None:
    cookie = cookie_of(running)
    idle = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(100)]
    try:
        for opened in idle[:50]:
            opened.sendall(b"GET / HTTP/1.1\r\nHost: ")  # and never the rest
        status, _ = raw(running, "GET /nothing HTTP/1.1", f"Cookie: {cookie}")
        assert status == 404
        connections = running.server._server.server_state.connections  # pyright: ignore
        assert len(connections) <= serving.CONNECTIONS
    finally:
        for opened in idle:
            opened.close()


def test_more_windows_than_are_served_are_told_so(running: Served) -> None:
    cookie = cookie_of(running)
    running.tell("hello")
    with ExitStack() as stack:
        for _ in range(serving.READERS):
            assert stack.enter_context(Stream(running, cookie)).events(1)[0]["kind"] == "hello"
        refused = stack.enter_context(Stream(running, cookie)).answer
        assert refused.status == 503
        assert b"windows" in refused.read()


def test_two_readers_get_the_same_at_their_own_places(running: Served) -> None:
    cookie = cookie_of(running)
    for count in range(50):
        running.tell("iteration", iteration=count)
    with Stream(running, cookie) as one, Stream(running, cookie, after=30) as other:
        assert [m["seq"] for m in one.events(50)] == list(range(1, 51))
        assert [m["seq"] for m in other.events(20)] == list(range(31, 51))
        running.tell("note", text="news")
        assert one.events(1) == other.events(1)


def test_a_reader_from_before_the_server_gets_everything(running: Served) -> None:
    cookie = cookie_of(running)
    running.tell("hello")
    with Stream(running, cookie, after=5000) as reader:
        assert reader.events(1)[0]["kind"] == "hello"


def test_what_was_left_out_is_said(running: Served) -> None:
    cookie = cookie_of(running)
    for count in range(20_000):
        running.tell("moment" if count % 100 else "finding", count=count)
    got: list[Message] = []
    with Stream(running, cookie) as reader:
        while not got or got[-1]["seq"] < 20_000:
            got += reader.events(1)
    told = [one for one in got if one["kind"] != "skipped"]
    missing = sum(one["count"] for one in got if one["kind"] == "skipped")
    assert missing > 0
    assert len(told) + missing == 20_000
    assert len([one for one in told if one["kind"] == "finding"]) == 200
    for place, one in enumerate(got):
        if one["kind"] == "skipped":
            assert one["to"] == got[place - 1]["seq"], "who goes on from there loses nothing"


def test_a_reader_that_never_reads_holds_nobody_up(running: Served) -> None:
    cookie = cookie_of(running)
    with Stream(running, cookie):
        for count in range(30_000):
            running.tell("moment", count=count, text="x" * 500)
        with Stream(running, cookie, after=29_990) as reader:
            assert reader.events(10)[-1]["count"] == 29_999
    assert len(running.ring) <= 8192


def test_it_ends_while_somebody_reads(served: Served) -> None:
    served.server.start()
    cookie = cookie_of(served)
    served.tell("hello")
    with Stream(served, cookie) as reader:
        reader.events(1)
        served.server.stop()
    assert not served.server._thread.is_alive()  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(OSError, match=r"refused|reset"):
        socket.create_connection(("127.0.0.1", served.port), timeout=5)


def test_a_port_that_is_taken_is_said_in_words(served: Served) -> None:
    with pytest.raises(OSError, match="do: name another --port"):
        Server(Ring(), lambda request: True, port=served.port)

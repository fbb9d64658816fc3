"""The component before the real server: reloads, restarts, many tabs, many iterations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from traces import line
from window import button

from fivestep.page.protocol import Message, encode
from fivestep.page.ring import Ring
from fivestep.page.server import Server

PATIENT = 30_000  # milliseconds
HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event('visibilitychange'));
}"""


class Served:
    """The real server, and the loop behind it."""

    def __init__(self, trace: list[Message], port: int = 0) -> None:
        self.ring: Ring[bytes] = Ring()
        self.asked: list[Message] = []
        self.server = Server(self.ring, self._ask, port=port)
        self.port = int(self.server.access.address.rpartition(":")[2])
        for message in trace:
            self.tell(message)
        self.server.start()

    def _ask(self, request: Message) -> bool:
        self.asked.append(request)
        self.tell({"kind": "ack", "id": request["id"], "applied": {"verb": request["verb"]}})
        return True

    def tell(self, message: Message) -> None:
        seq = self.ring.last + 1
        self.ring.write(message["kind"], encode(message | {"v": 1, "seq": seq}))


Serve = Callable[..., Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[Served] = []

    def begin(trace: list[Message], port: int = 0) -> Served:
        made.append(Served(trace, port))
        return made[-1]

    yield begin
    for one in made:
        one.server.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    one = browser.new_context()
    one.set_default_timeout(PATIENT)
    yield one
    one.close()


def opened(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    expect(page.locator(".script")).to_have_text("train.py")
    return page


def where(page: Page) -> Any:
    return page.locator(".where")


def test_a_reload_in_the_middle_shows_the_same(serve: Serve, context: BrowserContext) -> None:
    served = serve(line(6)[:-1])
    page = opened(context, served.server.access.link)
    expect(where(page)).to_contain_text("iteration 6 · update")
    told = [page.locator(one).inner_text() for one in (".where", ".equation", ".chips", ".lines")]
    page.reload()
    expect(where(page)).to_contain_text("iteration 6 · update")
    for one, before in zip((".where", ".equation", ".chips", ".lines"), told, strict=True):
        assert page.locator(one).inner_text() == before
    button(page, "Step").click()
    page.wait_for_function("true")
    assert [one["verb"] for one in served.asked] == ["step"]


@pytest.mark.parametrize("seen", [True, False])
def test_a_command_that_was_started_anew_says_that_its_link_is_new(
    serve: Serve, context: BrowserContext, seen: bool
) -> None:
    first = serve(line(3)[:-1])
    page = opened(context, first.server.access.link)
    expect(where(page)).to_contain_text("iteration 3")
    first.server.stop()
    expect(page.locator(".banner")).to_contain_text("Nobody answers")
    second = serve(line(2)[:-1], first.port)
    if not seen:
        page.evaluate(HIDE, True)
        page.evaluate(HIDE, False)  # a tab that was away meanwhile
    banner = page.locator(".banner", has_text="The command was started anew")
    expect(banner).to_contain_text("Open the new link")
    expect(where(page)).to_contain_text("iteration 3")  # what was seen stays
    assert button(page, "Step").is_disabled()
    page.goto(second.server.access.link)
    expect(where(page)).to_contain_text("iteration 2")
    expect(page.locator(".banner")).to_have_count(0)


def test_a_server_that_comes_back_to_its_own_windows_is_heard_again(
    serve: Serve, context: BrowserContext
) -> None:
    served = serve(line(3)[:-1])
    page = opened(context, served.server.access.link)
    context.set_offline(True)
    page.evaluate(HIDE, True)
    page.evaluate(HIDE, False)
    expect(page.locator(".banner")).to_contain_text("Nobody answers")
    served.tell({"kind": "note", "level": "info", "text": "said meanwhile"})
    context.set_offline(False)
    expect(page.locator(".banner")).to_contain_text("said meanwhile")


def test_eight_tabs(serve: Serve, context: BrowserContext) -> None:
    served = serve(line(2)[:-1])
    pages = [opened(context, served.server.access.link)]
    for _ in range(7):
        pages[-1].evaluate(HIDE, True)  # a browser shows one tab of a window at a time
        pages.append(opened(context, served.server.access.address))
    served.tell({"kind": "note", "level": "info", "text": "for all"})
    expect(pages[-1].locator(".banner")).to_contain_text("for all")
    button(pages[-1], "Step").click()
    pages[0].evaluate(HIDE, False)
    expect(pages[0].locator(".banner")).to_contain_text("for all")
    pages[-1].evaluate(HIDE, True)
    for page in pages[1:-1]:
        page.evaluate(HIDE, False)
        expect(page.locator(".banner")).to_contain_text("for all")
        page.evaluate(HIDE, True)
    assert [one["verb"] for one in served.asked] == ["step"]


def test_a_hundred_thousand_iterations(serve: Serve, context: BrowserContext) -> None:
    served = serve(line(2)[:-1])
    page = opened(context, served.server.access.link)
    devtools = context.new_cdp_session(page)

    def run(begin: int, end: int) -> float:
        for i in range(begin, end):
            layers = [["weight", -2.0 - i % 3], ["bias", -3.0]]
            served.tell(
                {
                    "kind": "iteration", "iteration": i, "loss": 1 / i, "rate": 0.1,
                    "gradient_norm": 1.0, "layers": layers, "seconds": {"forward": 1e-4},
                }
            )  # fmt: skip
        expect(page.locator(".where b")).to_have_text(str(end - 1))
        devtools.send("HeapProfiler.collectGarbage")
        return float(devtools.send("Runtime.getHeapUsage")["usedSize"])

    half, whole = run(3, 50_000), run(50_000, 100_001)
    assert whole - half < 400 * 50_000  # bytes for an iteration: a point of the curve, a column
    expect(page.locator(".loss table, .loss summary").first).to_be_visible()
    page.reload()
    expect(page.locator(".where b")).to_have_text("100000")
    assert page.locator(".plot").first.is_visible()

"""`fivestep learn` in a browser, and what a learner does there, in words."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from conftest import PATIENCE
from playwright.sync_api import Browser, Locator, Page, expect


@contextmanager
def school(number: int = 1) -> Generator[str]:
    """The command; gives the link that it prints."""
    command = [sys.executable, "-m", "fivestep", "learn", str(number), "--no-browser"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    try:
        assert process.stderr
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found
        yield found[0]
    finally:
        process.kill()
        process.communicate()


@contextmanager
def learner(
    browser: Browser, number: int = 1, *, card: int = 0, **context: object
) -> Generator[Page]:
    """A page with a lesson, at a card; at the end nothing may have been complained of."""
    complaints: list[str] = []

    def note(kind: str, text: str) -> None:
        if kind == "error":
            complaints.append(text)

    with school(number) as link:
        opened = browser.new_context(**{"reduced_motion": "reduce", **context})  # pyright: ignore
        page = opened.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: note(said.type, said.text))
        page.goto(link)
        waits(page)
        if card:
            kept = json.dumps({"card": {number: card}, "done": []})
            page.evaluate("kept => sessionStorage.setItem('fivestep-learn', kept)", kept)
            page.evaluate("location.hash = ''")  # which names a card, too
            page.reload()
            waits(page)
        yield page
        opened.close()
    assert complaints == []


def waits(page: Page) -> None:
    """Until the script waits before its first step."""
    expect(page.locator(".where")).to_contain_text("paused")
    expect(page.locator(".sentence")).to_contain_text("waits before")


def card(page: Page) -> Locator:
    return page.locator(".card")


def turn(page: Page, kind: str) -> None:
    """To the next card, which is of a kind."""
    before = number(page)
    page.get_by_role("button", name=re.compile("^(Next|Skip this) card$")).click()
    arrived(page, before, kind)


def number(page: Page) -> str:
    """Which card this is: two that follow each other may be of one kind."""
    found = re.search(r"card \d+ of \d+", card(page).inner_text())
    assert found
    return found[0]


def arrived(page: Page, before: str, kind: str) -> None:
    expect(card(page)).not_to_contain_text(before)
    expect(card(page).locator("h3")).to_contain_text(kind)


def turn_by_keyboard(page: Page, kind: str) -> None:
    """The same with Tab and Enter."""
    before = number(page)
    name = "document.activeElement.shadowRoot?.activeElement?.innerText ?? ''"
    while not re.search("^(Next|Skip this) card$", page.evaluate(name)):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    arrived(page, before, kind)


def reach(page: Page, selector: str, name: str = "") -> None:
    """Go with Tab to the next element that a selector and a name fit."""
    focused = """([selector, name]) => {
        const one = document.activeElement.shadowRoot?.activeElement;
        const words = one?.getAttribute('aria-label') ?? one?.innerText ?? '';
        return Boolean(one?.matches(selector) && words.trim().startsWith(name));
    }"""
    for _ in range(400):
        page.keyboard.press("Tab")
        if page.evaluate(focused, [selector, name]):
            return
    raise AssertionError(f"no {selector} {name} is reached with Tab")


def begin_by_keyboard(page: Page, selector: str) -> None:
    """To the first of the choices or points, also of a question that was answered."""
    if not page.get_by_role("button", name="Answer again").count():
        reach(page, selector)
        return
    reach(page, ".commit button")
    page.keyboard.press("Enter")
    focused = "one => document.activeElement.shadowRoot?.activeElement?.matches(one)"
    page.wait_for_function(focused, arg=selector, timeout=PATIENCE)


def commit_by_keyboard(page: Page) -> None:
    reach(page, ".commit button")
    page.keyboard.press("Enter")


def choose_by_keyboard(page: Page, number: int, key: str = "ArrowDown") -> None:
    """Take an answer, counted from 0, with Tab, Space and arrows, which go round."""
    wanted = page.get_by_role("radio").nth(number)
    begin_by_keyboard(page, ".choice input")
    page.keyboard.press("Space")
    for _ in range(page.get_by_role("radio").count()):
        if not wanted.is_checked():
            page.keyboard.press(key)
    expect(wanted).to_be_checked()
    commit_by_keyboard(page)


def draw_by_keyboard(page: Page, shares: list[float]) -> None:
    """Move the points of the pad with the keys that its words name."""
    begin_by_keyboard(page, ".pad .point")
    for share in shares:
        page.keyboard.press("Home")
        for _ in range(round(20 * share)):
            page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowRight")
    commit_by_keyboard(page)


def again(page: Page) -> None:
    """Open a question again that was answered."""
    if (button := page.get_by_role("button", name="Answer again")).count():
        button.click()


def choose(page: Page, words: str) -> None:
    again(page)
    page.get_by_role("radio", name=words, exact=True).check()
    page.get_by_role("button", name="That is my answer").click()


def verdict(page: Page, right: bool) -> str:
    """Wait for it; it must be so."""
    said = "As you said." if right else "Otherwise than you said."
    expect(page.locator(".verdict")).to_contain_text(said)
    return page.locator(".verdict").text_content() or ""


def draw(page: Page, shares: list[float]) -> None:
    """Move the points of the pad by keyboard; the first stands."""
    again(page)
    for point, share in zip(page.locator(".pad .point").all(), shares, strict=True):
        point.focus()
        point.press("Home")
        for _ in range(round(20 * share)):
            point.press("ArrowUp")
    page.get_by_role("button", name="That is my answer").click()


def done(page: Page) -> None:
    """The card has noticed that it was done."""
    expect(page.locator(".todo")).to_contain_text("Done.")

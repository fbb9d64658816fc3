"""A browser for the tests of the component; without one they are skipped, and say so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from player import Message, Player
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from traces import line

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 150_000  # milliseconds: runs begin with loading torch, and a machine may be busy
expect.set_options(timeout=PATIENCE)
Open = Callable[..., tuple[Page, Player]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the longer walks through the lessons to ``make lessons``: they take half an hour."""
    if os.environ.get("FIVESTEP_LESSONS") == "whole":
        return
    left = [one for one in items if one.get_closest_marker("walk")]
    config.hook.pytest_deselected(items=left)
    items[:] = [one for one in items if one not in left]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a page on a trace; at the end nothing may have been complained of."""
    complaints: list[str] = []
    players: list[Player] = []

    def note(said: ConsoleMessage) -> None:
        if said.type == "error":
            complaints.append(said.text)

    def open_page(trace: list[Message] | None = None, **context: Any) -> tuple[Page, Player]:
        player = Player(trace or line())
        players.append(player)
        page = browser.new_context(**context).new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", note)
        page.goto(player.address)
        page.locator(".script:has-text('.py'), .tag:text-is('waiting')").first.wait_for()
        return page, player

    yield open_page
    for context in browser.contexts:
        context.close()
    for player in players:
        if not player.stopping:
            player.close()
    gone = any(player.expected_to_die for player in players)
    network = ("ERR_", "status of 503") if gone else ("status of 503",)  # the test's own doing
    assert [one for one in complaints if not any(part in one for part in network)] == []


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the page go; FIVESTEP_PICTURES names another place."""
    named = os.environ.get("FIVESTEP_PICTURES")
    return Path(named) if named else tmp_path_factory.mktemp("pictures")

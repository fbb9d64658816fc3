"""What the tests do with the page, in words: press, step, look where it stands."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def step(page: Page, times: int = 1) -> None:
    for _ in range(times):
        before = where(page)
        button(page, "Step").click()
        expect(page.locator(".where")).not_to_have_text(before)


def where(page: Page) -> str:
    return page.locator(".where").text_content() or ""


def to_the_end(page: Page) -> None:
    button(page, "Epoch").click()
    expect(page.locator(".where")).to_contain_text("ended")


def expected(part: str) -> re.Pattern[str]:
    return re.compile(re.escape(part))


def active(attribute: str) -> str:
    inside = "document.activeElement.shadowRoot?.activeElement"
    return f"{inside}?.{attribute} ?? ''"

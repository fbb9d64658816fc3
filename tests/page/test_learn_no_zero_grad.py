"""Lesson 3 as a learner would do it, by keyboard alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from learning import done, learner, turn_by_keyboard, verdict, waits
from playwright.sync_api import Browser, Page, expect
from window import active

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.walk,
]  # a dozen runs, each in a process that loads torch


def tab_to(page: Page, wanted: str) -> None:
    """With Tab alone, to what a screen reader calls so, or what stands on it."""
    name = "(() => { const one = document.activeElement.shadowRoot?.activeElement;"
    name += "return one ? `${one.value}|${one.getAttribute('aria-label')}|${one.id}|"
    name += "${one.innerText}` : '' })()"
    for _ in range(80):
        if wanted in page.evaluate(name):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {wanted}")


def choose(page: Page, answer: str) -> None:
    """Tab goes to the group of answers, arrows within it."""
    waiting = page.locator(f".choice input[value='{answer}']")
    page.locator(".choice input").first.wait_for()
    while not page.evaluate(active("matches('.choice input')")):
        page.keyboard.press("Tab")
    for _ in range(8):
        if waiting.is_checked():
            break
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(50)
    expect(waiting).to_be_checked()
    page.keyboard.press("Enter")  # as in any form


def test_by_keyboard(browser: Browser, pictures: Path) -> None:
    with learner(browser, 3, viewport={"width": 1600, "height": 1000}) as page:
        turn_by_keyboard(page, "Predict")
        choose(page, "new")
        assert "adds" in verdict(page, right=False)
        page.screenshot(path=pictures / "lesson_3_second.png")
        turn_by_keyboard(page, "Do")
        waits(page)
        page.keyboard.press("z")
        done(page)
        turn_by_keyboard(page, "Predict")
        points = page.locator(".pad .point")
        expect(points).to_have_count(12)
        tab_to(page, "Loss in iteration 6")
        for i in range(12):
            for _ in range(4):
                page.keyboard.press("PageDown" if i % 2 == 0 else "End")
            if i < 11:
                page.keyboard.press("ArrowRight")
        tab_to(page, "That is my answer")
        page.keyboard.press("Enter")
        assert "to and fro" in verdict(page, right=True)
        page.screenshot(path=pictures / "lesson_3_orbit.png")
        turn_by_keyboard(page, "Predict")
        choose(page, "without")
        verdict(page, right=True)
        page.screenshot(path=pictures / "lesson_3_bounded.png")
        turn_by_keyboard(page, "Predict")
        choose(page, "grows")
        verdict(page, right=True)
        turn_by_keyboard(page, "Do")
        waits(page)
        page.keyboard.press("z")
        page.keyboard.press(" ")
        done(page)
        turn_by_keyboard(page, "See")
        expect(page.locator(".findings")).to_contain_text("stale-gradient")
        page.screenshot(path=pictures / "lesson_3_doctor.png")


def test_the_five_places(browser: Browser, pictures: Path) -> None:
    with learner(browser, 3, card=8, viewport={"width": 1600, "height": 1000}) as page:
        choose(page, "before update")
        said = verdict(page, right=True)
        assert "In 4 of the 5 places" in said
        assert "the same, number for number" in said
        page.screenshot(path=pictures / "lesson_3_places.png")
        turn_by_keyboard(page, "Explain")

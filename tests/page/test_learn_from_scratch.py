"""Lesson 4 as a learner would do it, on a narrow screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from learning import choose, done, learner, turn, verdict, waits
from playwright.sync_api import Browser, expect

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.walk,
]  # a dozen runs, each in a process that loads torch


def test_from_start_to_end(browser: Browser, pictures: Path) -> None:
    size = {"width": 390, "height": 844}
    with learner(browser, 4, viewport=size, color_scheme="dark") as page:
        page.screenshot(path=pictures / "lesson_4_narrow.png", full_page=True)
        turn(page, "Do")
        for count in range(3):
            expect(page.locator(".todo")).to_contain_text(f"{count} of 3")
            page.get_by_role("button", name="Iteration", exact=True).click()
        done(page)
        turn(page, "See")
        page.get_by_role("button", name="Show me where").click()
        expect(page.locator(".output.pointed")).to_contain_text("weight.grad")
        page.screenshot(path=pictures / "lesson_4_output.png")
        rounding = "Below 1e-12: the last digits of a double"
        turn(page, "Predict")
        choose(page, "None at all: they are equal to the last bit")
        verdict(page, right=False)
        turn(page, "Predict")
        choose(page, rounding)
        verdict(page, right=True)
        turn(page, "Predict")
        choose(page, rounding)
        assert "seven digits" in verdict(page, right=False)
        turn(page, "Predict")
        choose(page, "Yes, only slower")
        verdict(page, right=True)
        page.screenshot(path=pictures / "lesson_4_verdict.png", full_page=True)
        turn(page, "Do")
        waits(page)
        page.get_by_label("Gradient by hand, times", exact=True).fill("-1")
        page.get_by_label("Gradient by hand, times", exact=True).press("Enter")
        done(page)
        turn(page, "Explain")

"""Lesson 1 from its first card to its last, as a learner would."""

from __future__ import annotations

from pathlib import Path

import pytest
from learning import card, choose, done, draw, learner, turn, verdict
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.timeout(900)  # a dozen runs, each in a process that loads torch


def test_from_start_to_end(browser: Browser, pictures: Path) -> None:
    with learner(browser, viewport={"width": 1600, "height": 1000}) as page:
        page.screenshot(path=pictures / "lesson_1_first_sight.png")
        page.get_by_role("button", name="Show me where").click()
        expect(page.locator(".chips.pointed")).to_be_visible()
        turn(page, "Do")
        for count in range(5):
            expect(page.locator(".todo")).to_contain_text(f"{count} of 5")
            page.get_by_role("button", name="Step", exact=True).click()
        done(page)
        page.screenshot(path=pictures / "lesson_1_do.png")
        turn(page, "Predict")
        choose(page, "loss.backward()")
        assert "optimizer.step()" in verdict(page, right=False)
        page.screenshot(path=pictures / "lesson_1_wrong.png")
        choose(page, "optimizer.step()")
        verdict(page, right=True)
        turn(page, "See")
        turn(page, "Predict")
        choose(page, "It gets larger")
        assert "uphill" in verdict(page, right=True)
        turn(page, "Predict")
        page.screenshot(path=pictures / "lesson_1_pad.png")
        draw(page, [1.2, 1.3, 1.4, 1.6, 1.8, 1.9, 2.0, 2.0])
        assert "falls" in verdict(page, right=False)
        draw(page, [0.6, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1])
        verdict(page, right=True)
        page.screenshot(path=pictures / "lesson_1_drawn.png")
        turn(page, "Predict")
        choose(page, "0.5")
        said = verdict(page, right=True)
        assert all(f"at {rate}" in said for rate in ("0.01", "0.1", "0.5", "1.2"))
        page.screenshot(path=pictures / "lesson_1_rates.png")
        turn(page, "Do")
        page.get_by_label("Rate (--lr)", exact=True).fill("1")
        page.get_by_label("Rate (--lr)", exact=True).press("Enter")
        done(page)
        turn(page, "Explain")
        page.screenshot(path=pictures / "lesson_1_end.png")
        page.get_by_role("button", name="Done", exact=False).click()
        assert card(page).count() == 1

"""Lesson 2 as a learner would do it, own data included."""

from __future__ import annotations

from pathlib import Path

import pytest
from learning import choose, done, draw, learner, turn, verdict, waits
from playwright.sync_api import Browser, Page, expect

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.walk,
]  # a dozen runs, each in a process that loads torch

CSV = "x,y\n0.0,3.0\n0.25,2.5\n0.5,2.0\n1.0,1.0\n"


def test_from_start_to_the_data(browser: Browser, pictures: Path) -> None:
    with learner(browser, 2, viewport={"width": 1600, "height": 1000}) as page:
        page.screenshot(path=pictures / "lesson_2_first_sight.png")
        turn(page, "Do")
        for count in range(5):
            expect(page.locator(".todo")).to_contain_text(f"{count} of 5")
            page.get_by_role("button", name="Iteration", exact=True).click()
        done(page)
        turn(page, "See")
        page.get_by_role("button", name="Show me where").click()
        expect(page.locator(".learnt.pointed")).to_contain_text("Loss surface")
        expect(page.locator(".learnt.pointed")).to_contain_text("after iteration")
        page.screenshot(path=pictures / "lesson_2_two_pictures.png")
        turn(page, "Predict")
        choose(page, "Yes: its loss is within 5 % of the lowest")
        assert "times as much" in verdict(page, right=False)
        turn(page, "Predict")
        draw(page, [0.9, 0.9, 0.9, 1.0, 1.0, 1.3, 1.6, 2.0])
        verdict(page, right=True)
        page.screenshot(path=pictures / "lesson_2_drawn.png")
        turn(page, "See")
        page.get_by_role("button", name="Show me where").click()
        expect(page.locator(".output.pointed")).to_contain_text("largest rate 0.82")
        turn(page, "Predict")
        choose(page, "0.4")
        verdict(page, right=True)
        page.screenshot(path=pictures / "lesson_2_rates.png")
        turn(page, "Predict")
        choose(page, "It falls to a floor and stays there")
        verdict(page, right=True)
        turn(page, "Do")
        own_data(page, pictures)


def own_data(page: Page, pictures: Path) -> None:
    """By pointer, by keyboard, from a file; what is no point is said in words."""
    waits(page)
    plane = page.locator(".own .plane")
    plane.click(position={"x": 60, "y": 60})
    plane.click(position={"x": 200, "y": 90})
    box = page.locator("#own-points")
    assert len(box.input_value().splitlines()) == 2
    box.fill("0, 1\nnothing\n2, 3")
    page.get_by_role("button", name="Use these points").click()
    expect(page.locator("#own-trouble")).to_have_text("Line 2: two numbers were expected.")
    page.locator(".own input[type=file]").set_input_files(
        files=[{"name": "mine.csv", "mimeType": "text/csv", "buffer": CSV.encode()}]
    )
    expect(box).to_have_value(CSV)
    page.get_by_role("button", name="Use these points").click()
    expect(page.locator(".own")).to_contain_text("in use: 4 points")
    done(page)
    waits(page)
    page.get_by_role("button", name="Play", exact=False).click()
    expect(page.locator(".output")).to_contain_text("best:     weight -2.000  bias 3.000")
    page.screenshot(path=pictures / "lesson_2_own_data.png", full_page=True)
    turn(page, "Do")
    page.get_by_label("Rate (--lr)", exact=True).fill("0.6")
    page.get_by_label("Rate (--lr)", exact=True).press("Enter")
    done(page)
    expect(page.locator(".own")).to_contain_text("in use: 4 points")
    turn(page, "Explain")
    page.get_by_role("button", name="Done: to the next lesson").click()
    expect(page.locator("#lesson-title")).to_have_text("Lesson 3: Without zero_grad")
    expect(page.get_by_role("button", name="Lesson 2: Gradient descent, done")).to_be_visible()

"""The lessons by keyboard alone: Tab, arrows, Space, Enter. No pointer is used in this file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Open
from learning import (
    choose_by_keyboard,
    done,
    draw_by_keyboard,
    learner,
    reach,
    turn_by_keyboard,
    verdict,
    waits,
)
from player import wait_until
from playwright.sync_api import Browser, Page, expect
from test_learn_looks import NUMBERED, answer, teaching

from fivestep.learn.lesson import Lesson

TITLES = [one.title for _, one in NUMBERED]
KINDS = {"see": "See", "do": "Do", "predict": "Predict", "explain": "Explain"}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("number", "lesson"), NUMBERED, ids=TITLES)
def test_every_card_is_reached_and_answered(opened: Open, number: int, lesson: Lesson) -> None:
    page, player = teaching(opened, number)
    cards = lesson.plain()["cards"]
    for place, card in enumerate(cards):
        expect(page.locator(".card h3")).to_contain_text(f"card {place + 1} of {len(cards)}")
        if card["card"] == "predict":
            given = commits(page, card)
            wait_until(lambda: any(one["verb"] == "answer" for one in player.requests))
            sent = next(one for one in player.requests if one["verb"] == "answer")
            assert (sent["name"], sent["value"]) == (card["name"], given)
            player.requests.clear()
            answer(player, number, card, right=True)
            expect(page.locator(".verdict")).to_contain_text("As you said.")
        if place + 1 < len(cards):
            turn_by_keyboard(page, KINDS[cards[place + 1]["card"]])
    reach(page, "button", "Done")
    page.keyboard.press("Enter")
    expect(
        page.get_by_role("button", name=f"Lesson {number}: {lesson.title}, done")
    ).to_be_visible()


def commits(page: Page, card: dict[str, object]) -> object:
    """The last answer, or a curve that ends at a half; gives what was chosen."""
    if card["how"] == "choose":
        answers = list(card["answers"])  # pyright: ignore
        choose_by_keyboard(page, len(answers) - 1, "ArrowRight")
        return answers[-1]
    count: int = card["points"]  # pyright: ignore
    draw_by_keyboard(page, [0.5] * (count - 1))
    return [1] + [0.5] * (count - 1)


def press(page: Page, name: str, times: int = 1) -> None:
    reach(page, "button", name)
    for count in range(times):
        if times > 1:
            expect(page.locator(".todo")).to_contain_text(f"{count} of {times}")
        page.keyboard.press("Enter")


def write(page: Page, setting: str, value: str) -> None:
    reach(page, f"#setting-{setting}")
    page.keyboard.press("Control+a")
    page.keyboard.type(value)
    page.keyboard.press("Enter")


@pytest.mark.walk
@pytest.mark.timeout(900)
def test_the_five_steps(browser: Browser, pictures: Path) -> None:
    with learner(browser) as page:
        press(page, "Show me where")
        expect(page.locator(".chips.pointed")).to_be_visible()
        turn_by_keyboard(page, "Do")
        waits(page)
        press(page, "Step", 5)
        done(page)
        turn_by_keyboard(page, "Predict")
        choose_by_keyboard(page, 4)
        assert "optimizer.step()" in verdict(page, right=True)
        turn_by_keyboard(page, "See")
        turn_by_keyboard(page, "Predict")
        choose_by_keyboard(page, 1)
        assert "uphill" in verdict(page, right=False)
        choose_by_keyboard(page, 0)
        verdict(page, right=True)
        turn_by_keyboard(page, "Predict")
        draw_by_keyboard(page, [0.6, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1])
        verdict(page, right=True)
        page.screenshot(path=pictures / "keyboard_drawn.png")
        turn_by_keyboard(page, "Predict")
        choose_by_keyboard(page, 2)
        verdict(page, right=True)
        turn_by_keyboard(page, "Do")
        waits(page)
        write(page, "lr", "1")
        done(page)
        turn_by_keyboard(page, "Explain")
        press(page, "Done")
        expect(page.locator("#lesson-title")).to_contain_text("Lesson 2")


@pytest.mark.walk
@pytest.mark.timeout(900)
def test_a_gotcha_is_planted_found_and_taken_out(browser: Browser) -> None:
    with learner(browser, 6, card=3) as page:
        press(page, "Set it up again")
        expect(page.get_by_label("zero_grad()", exact=True)).to_have_value("forgotten")
        waits(page)
        press(page, "Play")
        expect(page.locator(".findings")).to_contain_text("stale-gradient")
        expect(page.locator(".where")).to_contain_text("ended")
        reach(page, "#setting-zero_grad")
        page.keyboard.press("c")  # the first letter of "called"
        done(page)
        waits(page)
        page.keyboard.press("Tab")
        press(page, "Play")
        expect(page.locator(".where")).to_contain_text("ended")
        expect(page.locator(".where")).not_to_contain_text(re.compile("fault"))


@pytest.mark.walk
@pytest.mark.timeout(900)
def test_points_are_typed(browser: Browser) -> None:
    with learner(browser, 2, card=8) as page:
        waits(page)
        reach(page, "#own-points")
        page.keyboard.type("0;3")
        page.keyboard.press("Enter")
        page.keyboard.type("0,5;2")
        press(page, "Use these points")
        expect(page.locator(".own")).to_contain_text("in use: 2 points")
        waits(page)
        press(page, "Play")
        expect(page.locator(".output")).to_contain_text("best:     weight -2.000  bias 3.000")

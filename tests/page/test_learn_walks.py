"""Lessons 5 to 8 as a learner would do them, from the first card to the last."""

from __future__ import annotations

from pathlib import Path

import pytest
from learning import card, choose, done, draw, learner, turn, waits
from learning import verdict as said
from playwright.sync_api import Browser, Page, expect

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.walk,
]  # a dozen runs, each in a process that loads torch
WIDE = {"width": 1600, "height": 1000}


FOUR_RUNS = 400_000  # milliseconds: each of them loads torch


def verdict(page: Page, right: bool) -> str:
    """Of up to four runs."""
    expect(page.locator(".verdict")).to_be_visible(timeout=FOUR_RUNS)
    return said(page, right)


def play(page: Page) -> None:
    """Let the script that waits go to its end."""
    waits(page)
    page.get_by_role("button", name="Play", exact=True).click()
    done(page)
    expect(page.locator(".where")).to_contain_text("ended")


def set_to(page: Page, label: str, value: str) -> None:
    page.get_by_label(label, exact=True).select_option(value)


def finish(page: Page) -> None:
    turn(page, "Explain")
    page.get_by_role("button", name="Done", exact=False).click()


def test_seen_and_not_seen(browser: Browser, pictures: Path) -> None:
    with learner(browser, 5, viewport=WIDE) as page:
        page.screenshot(path=pictures / "lesson_5_first_sight.png")
        turn(page, "Predict")
        choose(page, "10")
        assert "40 updates" in verdict(page, right=False)
        turn(page, "Predict")
        choose(page, "One point in a batch")
        verdict(page, right=True)
        page.screenshot(path=pictures / "lesson_5_rough.png")
        turn(page, "See")
        page.get_by_role("button", name="Show me where").click()
        turn(page, "Predict")
        expect(page.locator(".ask .pad")).to_contain_text("epoch")
        draw(page, [0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.2, 0.1])
        assert "climbs" in verdict(page, right=False)
        draw(page, [0.6, 0.6, 0.6, 0.7, 0.8, 0.8, 0.9, 1.0])
        verdict(page, right=True)
        page.screenshot(path=pictures / "lesson_5_drawn.png")


def test_both_losses_and_both_modes(browser: Browser, pictures: Path) -> None:
    with learner(browser, 5, card=5, viewport=WIDE) as page:
        play(page)
        expect(page.locator(".epochs")).to_contain_text("validation")
        expect(page.locator(".findings")).to_contain_text("overfitting")
        page.locator(".epochs").scroll_into_view_if_needed()
        page.screenshot(path=pictures / "lesson_5_both.png")
        turn(page, "Predict")
        choose(page, "In the first 25 epochs")
        verdict(page, right=True)
        turn(page, "See")
        page.get_by_role("button", name="Show me where").click()
        expect(page.locator(".findings.pointed")).to_be_visible()
        turn(page, "Predict")
        choose(page, "4 units in a layer instead of 100")
        verdict(page, right=False)
        page.screenshot(path=pictures / "lesson_5_helps.png")
        turn(page, "Predict")
        choose(page, "In train mode")
        verdict(page, right=True)
        turn(page, "Do")
        page.get_by_label("Points to train on", exact=True).fill("200")
        page.get_by_label("Points to train on", exact=True).press("Enter")
        done(page)
        finish(page)


def test_six_gotchas(browser: Browser, pictures: Path) -> None:
    with learner(browser, 6, viewport=WIDE) as page:
        page.screenshot(path=pictures / "lesson_6_first_sight.png")
        turn(page, "Do")
        play(page)
        expect(page.locator(".where")).not_to_contain_text("fault")
        turn(page, "Predict")
        choose(page, "It ends above its start, or is no number any more")
        assert "stale-gradient" in verdict(page, right=True)
        page.screenshot(path=pictures / "lesson_6_zero_grad.png")
        turn(page, "Do")
        waits(page)
        page.get_by_role("button", name="Play", exact=True).click()
        expect(page.locator(".findings")).to_contain_text("stale-gradient")
        expect(page.locator(".where")).to_contain_text("ended")
        page.screenshot(path=pictures / "lesson_6_found.png")
        set_to(page, "zero_grad()", "called")
        done(page)
        waits(page)
        page.get_by_role("button", name="Play", exact=True).click()
        expect(page.locator(".where")).to_contain_text("ended")
        expect(page.locator(".where")).not_to_contain_text("fault")
        turn(page, "See")
        turn(page, "Predict")
        choose(page, "It ends about as low as without the mistake")
        assert "broadcast-loss" in verdict(page, right=False)


def test_the_other_gotchas(browser: Browser, pictures: Path) -> None:
    with learner(browser, 6, card=6, viewport=WIDE) as page:
        for rule in ("probabilities-as-logits", "huge-update", "train-mode-evaluation"):
            page.locator(".choice input").first.check()
            page.get_by_role("button", name="That is my answer").click()
            expect(page.locator(".verdict")).to_contain_text(rule, timeout=FOUR_RUNS)
            turn(page, "Predict")
        choose(page, "It falls by less than half")
        assert "unheld-parameter" in verdict(page, right=True)
        page.screenshot(path=pictures / "lesson_6_head.png")
        turn(page, "Do")
        set_to(page, "eval() in validation", "forgotten")
        waits(page)
        set_to(page, "Last layer", "unheld")
        play(page)
        for rule in ("train-mode-evaluation", "unheld-parameter"):
            expect(page.locator(".findings")).to_contain_text(rule)
        finish(page)


@pytest.mark.parametrize(
    ("at", "label", "value", "rule", "mend"),
    [
        (2, "Batch", "100", "zigzag-loss", "A tenth of the rate"),
        (4, "Hidden layers", "6", "vanishing-gradient", "ReLU for the sigmoid"),
        (7, "Missing values", "kept", "nonfinite-input", "Missing values left out"),
        (9, "zero_grad()", "forgotten", "stale-gradient", "Gradients cleared"),
        (11, "Points", "16", "overfitting", "More points"),
        (13, "Rate (--lr)", "0.000001", "tiny-update", "A rate of 0.1"),
    ],
)
def test_a_symptom_happens_and_is_mended(
    browser: Browser, pictures: Path, at: int, label: str, value: str, rule: str, mend: str
) -> None:
    with learner(browser, 7, card=at, viewport=WIDE) as page:
        page.get_by_role("button", name="Set it up again").click()
        expect(page.get_by_label(label, exact=True)).to_have_value(value)  # begun anew with it
        play(page)
        expect(page.locator(".findings")).to_contain_text(rule)
        page.screenshot(path=pictures / f"lesson_7_{rule}.png")
        turn(page, "Predict")
        choose(page, "None of them, clearly")
        verdict(page, right=False)
        expect(page.locator(".choice.true")).to_contain_text(mend)
        page.screenshot(path=pictures / f"lesson_7_{rule}_mended.png")
        if rule == "tiny-update":
            turn(page, "Do")
            page.get_by_label("Noise", exact=True).fill("1")
            page.get_by_label("Noise", exact=True).press("Enter")
            done(page)
            finish(page)


def test_the_first_sight_of_the_symptoms(browser: Browser, pictures: Path) -> None:
    with learner(browser, 7, viewport=WIDE) as page:
        page.screenshot(path=pictures / "lesson_7_first_sight.png")
        turn(page, "Do")
        play(page)
        expect(page.locator(".where")).not_to_contain_text("fault")


def test_ways_down(browser: Browser, pictures: Path) -> None:
    with learner(browser, 8, viewport=WIDE) as page:
        page.screenshot(path=pictures / "lesson_8_first_sight.png")
        turn(page, "Do")
        play(page)
        turn(page, "Predict")
        choose(page, "1")
        assert "no number (rate 1)" in verdict(page, right=False)
        page.screenshot(path=pictures / "lesson_8_rates.png")
        turn(page, "Predict")
        choose(page, "Clearly lower")
        verdict(page, right=True)
        page.screenshot(path=pictures / "lesson_8_momentum.png")
        turn(page, "Do")
        waits(page)
        set_to(page, "Optimizer", "momentum")
        done(page)
        turn(page, "See")
        turn(page, "Predict")
        choose(page, "0.1")
        verdict(page, right=False)
        expect(page.locator(".choice.true")).to_contain_text("1")


def test_a_longer_valley_and_a_schedule(browser: Browser, pictures: Path) -> None:
    with learner(browser, 8, card=7, viewport=WIDE) as page:
        choose(page, "Adam")
        verdict(page, right=False)
        page.screenshot(path=pictures / "lesson_8_stretched.png")
        turn(page, "Predict")
        choose(page, "From 0.1 to 0")
        verdict(page, right=True)
        page.screenshot(path=pictures / "lesson_8_schedule.png")
        turn(page, "Do")
        waits(page)
        set_to(page, "Optimizer", "adam")
        done(page)
        finish(page)
        assert card(page).count() == 1

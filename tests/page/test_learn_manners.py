"""What a learner meets: what counts as done, which button is asked for, what is said meanwhile."""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import Open
from learning import reach
from player import Message, Player, wait_until
from playwright.sync_api import Page, expect
from test_learn_looks import NUMBERED, TITLES, answer, lesson, teaching
from traces import LINES
from window import active, button, step, to_the_end

from fivestep.learn.contents import LESSONS
from fivestep.learn.lesson import Lesson

SMALL = {"width": 1280, "height": 800}


class School:
    """Answers as the school does, in its order: the ack, the end of the old run, the lesson."""

    def __init__(self, player: Player, number: int) -> None:
        self.player, self.number, self.play = player, number, player.take
        self.values = LESSONS[number - 1].values()
        player.take = self.take

    def take(self, request: Message) -> None:
        if request["verb"] not in ("settings", "reset"):
            return self.play(request)
        self.player.requests.append(request)
        self.values |= request.get("value") or {}
        applied = {"id": request["id"], "applied": {"verb": request["verb"]}}
        self.player.say({"kind": "ack", **applied})
        return self.begin()

    def begin(self, **more: Any) -> None:
        self.player.say({"kind": "end", "reason": "reset", "message": "", "exit_code": None})
        self.player.say(lesson(self.number, **{"values": dict(self.values), **more}))
        self.player.begin()

    def runs(self, name: str, **values: Any) -> None:
        """The last run of a question, with settings of its own, to its end."""
        running = {"question": name, "label": "", "run": 4, "of": 4}
        self.begin(values=self.values | values, answering=running)
        self.player.say({"kind": "end", "reason": "finished", "message": "", "exit_code": 0})
        answer(self.player, self.number, card_named(self.number, name), right=True)


def card_named(number: int, name: str) -> Message:
    cards = LESSONS[number - 1].plain()["cards"]
    return next(one for one in cards if one.get("name") == name)


def taught(opened: Open, number: int, **context: Any) -> tuple[Page, Player, School]:
    page, player = teaching(opened, number, **context)
    return page, player, School(player, number)


def onward(page: Page, times: int = 1) -> None:
    for _ in range(times):
        before = page.locator(".card h3").inner_text()
        button(page, "Next card").or_(button(page, "Skip this card")).click()
        expect(page.locator(".card h3")).not_to_have_text(before)


def heard(page: Page, player: Player) -> None:
    """All that was said is drawn."""
    drawn = "+document.querySelector('main').dataset.heard"
    wait_until(lambda: page.evaluate(drawn) >= len(player.said))
    page.evaluate("new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")


# --- What counts as done ------------------------------------------------------------------------


def test_the_runs_of_a_question_are_not_what_the_next_card_asks_for(opened: Open) -> None:
    page, player, school = taught(opened, 1)
    onward(page, 6)
    school.runs("rate", lr=1.2)
    expect(page.locator(".verdict")).to_be_visible()
    onward(page)
    rate = page.get_by_label("Rate (--lr)", exact=True)
    expect(rate).to_have_value("0.1")
    heard(page, player)
    expect(page.locator(".todo")).to_contain_text("Not done yet")
    rate.fill("0.7")
    rate.press("Enter")
    expect(page.locator(".todo")).to_contain_text("Done.")
    button(page, "Set it up again").click()
    expect(rate).to_have_value("0.1")
    heard(page, player)
    expect(page.locator(".todo")).to_contain_text("Not done yet")


@pytest.mark.parametrize(("number", "one"), NUMBERED, ids=TITLES)
def test_nothing_is_done_before_the_learner_has_done_it(
    opened: Open, number: int, one: Lesson
) -> None:
    page, player, school = taught(opened, number)
    step(page, 5)
    to_the_end(page)
    for place, card in enumerate(one.plain()["cards"]):
        if card["card"] == "do":
            heard(page, player)
            times = card["done"]["times"]
            undone = f"0 of {times}" if times > 1 else "Not done yet"
            expect(page.locator(".todo")).to_contain_text(undone)
            page.reload()
            expect(page.locator(".card h3")).to_contain_text(f"card {place + 1} of")
            heard(page, player)
            expect(page.locator(".todo")).to_contain_text(undone)
        if card["card"] == "predict":
            school.runs(card["name"])
            expect(page.locator(".verdict")).to_be_visible()
        if place + 1 < len(one.cards):
            onward(page)


def test_what_was_done_stays_done_over_a_reload_and_a_way_back(opened: Open) -> None:
    page, player, _ = taught(opened, 1)
    onward(page)
    step(page, 5)
    expect(page.locator(".todo")).to_contain_text("Done.")
    page.reload()
    expect(page.locator(".todo")).to_contain_text("Done.")
    onward(page)
    button(page, "Previous card").click()
    heard(page, player)
    expect(page.locator(".todo")).to_contain_text("Done.")


def test_the_rate_may_be_turned_by_its_knob(opened: Open) -> None:
    page, _, _ = taught(opened, 1)
    onward(page, 7)
    step(page)
    knob = page.get_by_label("Rate (lr)")
    knob.fill("0.9")
    knob.press("Enter")
    expect(page.locator(".todo")).to_contain_text("Done.")


# --- Where the code is seen ---------------------------------------------------------------------


def inside(page: Page, line: int) -> bool:
    """The whole line is in the window, and the page was not scrolled."""
    box = page.locator(f".lines [data-line='{line}']").bounding_box()
    panel = page.locator(".lines").bounding_box()
    assert box
    assert panel
    assert page.evaluate("scrollY") == 0
    return max(panel["y"], 0) <= box["y"] and box["y"] + box["height"] <= SMALL["height"]


def test_the_loop_and_the_lit_line_are_in_the_window(opened: Open) -> None:
    page, player, _ = taught(opened, 1, viewport=SMALL)
    heard(page, player)
    wait_until(lambda: inside(page, LINES["forward"]))
    onward(page)
    for line in LINES.values():
        step(page)
        wait_until(lambda line=line: inside(page, line))


def test_a_panel_that_is_all_below_the_window_shows_its_line_in_itself(opened: Open) -> None:
    page, player, _ = taught(opened, 1, viewport={"width": 360, "height": 500})
    step(page, 5)
    heard(page, player)
    page.locator(".lines").scroll_into_view_if_needed()
    lit, panel = page.locator(".row.lit").bounding_box(), page.locator(".lines").bounding_box()
    assert lit
    assert panel
    assert panel["y"] <= lit["y"]
    assert lit["y"] + lit["height"] <= panel["y"] + panel["height"]


def test_a_script_that_is_on_its_way_is_said_to_come(opened: Open) -> None:
    page, player = opened()
    player.said.clear()
    player.say({"kind": "lessons", "lessons": [{"title": "One", "about": ""}]})
    player.say(lesson(1))
    page.reload()
    page.locator("#lesson-title").wait_for()
    expect(page.locator(".source")).to_contain_text("being started: its text comes with it")
    player.begin()
    expect(page.locator(".source .lines")).to_contain_text("model = nn.Linear(1, 1)")


# --- What is asked for --------------------------------------------------------------------------


def test_answered_again_is_answered_anew(opened: Open) -> None:
    page, player, school = taught(opened, 1)
    onward(page, 2)
    page.get_by_role("radio").nth(1).check()
    school.runs("mover")
    expect(page.locator(".choice.true")).to_be_visible()
    expect(page.get_by_role("radio").first).to_be_disabled()
    button(page, "Answer again").click()
    expect(page.locator(".choice.true")).to_have_count(0)
    expect(page.locator(".verdict")).to_have_count(0)
    expect(page.locator(".choice input:checked")).to_have_count(0)
    expect(page.get_by_role("radio").first).to_be_focused()
    expect(button(page, "That is my answer: run it")).to_be_disabled()
    assert "answer" not in player.verbs()
    page.get_by_role("radio").nth(4).check()
    button(page, "That is my answer: run it").click()
    wait_until(lambda: player.verbs()[-1:] == ["answer"])
    assert player.requests[-1]["value"] == "update"


def test_a_drawing_can_be_drawn_on(opened: Open) -> None:
    page, player, school = taught(opened, 1)
    onward(page, 5)
    page.locator(".pad .point").first.press("End")
    school.runs("fall")
    expect(page.locator(".pad .curve")).to_be_visible()
    button(page, "Answer again").click()
    expect(page.locator(".pad .curve")).to_have_count(0)
    page.locator(".pad .point").nth(1).press("Home")
    button(page, "That is my answer: run it").click()
    wait_until(lambda: player.verbs()[-1:] == ["answer"])
    assert player.requests[-1]["value"][:4] == [1, 2, 0, 1]


def test_what_was_answered_is_shown_after_a_reload(opened: Open) -> None:
    page, _, school = taught(opened, 1)
    onward(page, 2)
    page.get_by_role("radio").first.check()
    school.runs("mover")
    page.reload()
    expect(page.locator(".verdict")).to_be_visible()
    expect(page.get_by_role("radio").first).to_be_checked()
    expect(page.locator(".choice input:checked")).to_have_count(1)
    onward(page, 3)
    school.runs("fall")
    expect(page.locator(".verdict")).to_be_visible()
    page.reload()
    drawn = page.locator(".pad .point")
    expect(drawn.last).to_have_attribute("aria-valuenow", "1")
    button(page, "Answer again").click()
    expect(page.locator(".verdict")).to_have_count(0)
    expect(drawn.last).to_have_attribute("aria-valuenow", "1")


def test_the_sentence_does_not_call_for_what_spoils_an_answer(opened: Open) -> None:
    page, player, school = taught(opened, 1)
    said = page.locator(".sentence")
    onward(page, 2)
    expect(said).to_have_text(re.compile("waits before .* Answer above: the run then shows it.$"))
    to_the_end(page)
    expect(said).to_have_text("The script has finished. Answer above: the run then shows it.")
    running = {"question": "mover", "label": "", "run": 1, "of": 4}
    school.begin(answering=running)
    expect(said).to_have_text("The runs of your answer are being made.")
    player.say({"kind": "end", "reason": "finished", "message": "", "exit_code": 0})
    heard(page, player)
    expect(said).to_have_text("The runs of your answer are being made.")
    school.begin(answering=running | {"of": 1})
    expect(said).to_have_text("The run of your answer is being made.")
    player.say({"kind": "end", "reason": "finished", "message": "", "exit_code": 0})
    answer(player, 1, card_named(1, "mover"), right=True)
    expect(said).to_contain_text("The script has finished. Look back with")


@pytest.mark.parametrize(("number", "one"), NUMBERED, ids=TITLES)
def test_one_button_is_asked_for_on_each_card(opened: Open, number: int, one: Lesson) -> None:
    page, player, school = taught(opened, number)
    strong = page.locator("button.strong:not(:disabled)")
    verbs = {"step": "Step", "iteration": "Iteration", "end": "Play", "points": "Use these points"}
    for place, card in enumerate(one.plain()["cards"]):
        heard(page, player)
        if card["card"] == "do":
            wanted = verbs.get(card["done"]["verb"])
            expect(strong).to_have_count(1 if wanted else 0)
            if wanted:
                expect(strong).to_contain_text(wanted)
        elif card["card"] == "predict":
            expect(strong).to_have_count(int(card["how"] == "draw"))
            school.runs(card["name"])
            expect(page.locator(".verdict")).to_be_visible()
            expect(strong).to_contain_text("Next card")
        else:
            expect(strong).to_contain_text("Next card" if place + 1 < len(one.cards) else "Done")
        if place + 1 < len(one.cards):
            onward(page)


def test_the_answers_come_before_the_way_past_them(opened: Open) -> None:
    page, _, _ = taught(opened, 1)
    onward(page, 2)
    reach(page, "input, button", "")
    assert page.evaluate(active("name")) == "mover"
    page.keyboard.press("Space")
    expect(button(page, "That is my answer: run it")).to_be_enabled()
    reach(page, "input, button", "")
    assert page.evaluate(active("innerText")) == "That is my answer: run it"
    reach(page, "input, button", "")
    assert page.evaluate(active("innerText")) == "Previous card"

"""What a learner meets: what counts as done, which button is asked for, what is said meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Open
from player import Message, Player, wait_until
from playwright.sync_api import Page, expect
from test_learn_looks import NUMBERED, TITLES, answer, lesson, teaching
from window import button, step, to_the_end

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
            undone = (
                f"0 of {card['done']['times']}" if card["done"]["times"] > 1 else "Not done yet"
            )
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

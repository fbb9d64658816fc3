"""A lesson in the page's address: a reload and a link open it again as it was."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from conftest import PATIENCE, Open
from player import Message, Player, wait_until
from playwright.sync_api import Page, expect
from traces import line

SETTINGS: list[Message] = [
    {"name": "rate", "label": "Rate", "value": 0.1, "range": [0.001, 10], "log": True},
    {"name": "seed", "label": "Seed", "value": 0, "range": [0, 999], "whole": True},
    {"name": "data", "label": "Data", "value": "line", "choices": {"line": "a line", "xor": "two"}},
]
CARDS = [{"card": "explain", "text": f"This is card {count}."} for count in range(1, 5)]


class Lessons:
    """Answers as the school does: a change of lesson or settings begins anew."""

    def __init__(self, player: Player) -> None:
        self.player, self.play, self.number = player, player.take, 1
        self.values = {one["name"]: one["value"] for one in SETTINGS}
        player.take = self.take
        player.said.clear()  # lessons are told before any run
        titles = ("First", "Second", "Third")
        told = [{"title": one, "about": ""} for one in titles]
        player.say({"kind": "lessons", "lessons": told})
        self.begin()

    def begin(self) -> None:
        self.player.say(
            {
                "kind": "lesson", "number": self.number, "title": f"Number {self.number}",
                "about": "", "own_data": False, "points": None, "settings": SETTINGS,
                "values": dict(self.values), "cards": CARDS, "answering": None,
            }
        )  # fmt: skip
        self.player.begin()

    def take(self, request: Message) -> None:
        if request["verb"] == "lesson":
            self.number = request["value"]
            self.values = {one["name"]: one["value"] for one in SETTINGS}
        elif request["verb"] == "settings":
            self.values |= request["value"]
        else:
            return self.play(request)
        self.player.requests.append(request)
        self.begin()
        ack = {"kind": "ack", "id": request["id"], "applied": {"verb": request["verb"]}}
        return self.player.say(ack)


@pytest.fixture
def lessons(opened: Open) -> Any:
    def open_at(fragment: str = "") -> tuple[Page, Lessons]:
        page, player = opened(line(6))
        served = Lessons(player)
        go(page, player.address + fragment)
        return page, served

    return open_at


COUNT = itertools.count()


def go(page: Page, address: str) -> None:
    """As from a bookmark: in a window that has been nowhere."""
    base, _, fragment = address.partition("#")
    page.evaluate("sessionStorage.clear()")
    page.goto(f"{base}?{next(COUNT)}#{fragment}")
    page.locator("#lesson-title").wait_for()


def fragment(page: Page) -> str:
    return page.evaluate("location.hash")


def test_the_address_has_the_lesson_its_card_and_its_settings(lessons: Any) -> None:
    page, served = lessons()
    page.wait_for_function("location.hash === '#lesson=1&card=1'", timeout=PATIENCE)
    page.get_by_role("button", name="Lesson 2: Second").click()
    expect(page.locator("#lesson-title")).to_contain_text("Lesson 2")
    page.get_by_role("button", name="Next card").click()
    page.get_by_label("Data").select_option("xor")
    wait_until(lambda: fragment(page) == "#lesson=2&card=2&set.data=xor")
    link = fragment(page)
    other, second = lessons(link)
    expect(other.locator("#lesson-title")).to_contain_text("Lesson 2")
    expect(other.locator(".card")).to_contain_text("This is card 2.")
    expect(other.get_by_label("Data")).to_have_value("xor")
    wait_until(lambda: fragment(other) == link)
    assert [one["verb"] for one in second.player.requests] == ["lesson", "settings"]
    other.reload()
    expect(other.locator(".card")).to_contain_text("This is card 2.")
    assert fragment(other) == link
    assert len(second.player.requests) == 2, "what holds already is not asked for"
    expect(other.locator(".banner")).to_have_count(0)
    assert served.number == 2


def test_a_link_brings_the_settings_of_the_lesson_back_where_it_names_none(lessons: Any) -> None:
    page, served = lessons()
    served.values["rate"] = 2.0
    served.begin()
    wait_until(lambda: "set.rate=2" in fragment(page))
    go(page, f"{served.player.address}#lesson=1&card=3&set.seed=4")
    expect(page.locator(".card")).to_contain_text("This is card 3.")
    wait_until(lambda: fragment(page) == "#lesson=1&card=3&set.seed=4")
    assert served.values == {"rate": 0.1, "seed": 4, "data": "line"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("#lesson=12&card=1", "The link names lesson 12: there are lessons 1 to 3."),
        ("#lesson=<b>&card=2", "The link names lesson <b>: there are lessons 1 to 3."),
        ("#lesson=1&card=77", "The link names card 77: this lesson has 4."),
        ("#lesson=1&set.rate=99", "The link's rate 99 is none that this lesson takes."),
        ("#lesson=1&set.rate=", "The link's rate  is none that this lesson takes."),
        ("#lesson=1&set.seed=0.5", "The link's seed 0.5 is none that this lesson takes."),
        ("#lesson=1&set.data=constructor", "The link's data constructor is none"),
        ("#lesson=1&set.__proto__=1", "The link's __proto__ 1 is none"),
        ("#section-three", "does not know in its address was left out: section-three."),
    ],
)
def test_a_wrong_link_is_left_alone_and_says_so(lessons: Any, wrong: str, words: str) -> None:
    page, served = lessons(wrong)
    expect(page.locator(".banner")).to_contain_text(words)
    expect(page.locator("#lesson-title")).to_contain_text("Lesson 1")
    expect(page.locator(".card")).to_contain_text("This is card 1.")
    wait_until(lambda: fragment(page) == "#lesson=1&card=1")
    assert served.player.requests == []


def test_an_address_that_is_pasted_into_an_open_window_is_followed(lessons: Any) -> None:
    page, served = lessons()
    wait_until(lambda: fragment(page) == "#lesson=1&card=1")
    for link in ("#lesson=1&card=3", "#lesson=2&card=4&set.seed=4", "#lesson=1&card=2"):
        page.evaluate("link => { location.hash = link }", link)
        expect(page.locator("#lesson-title")).to_contain_text(f"Lesson {link[8]}")
        expect(page.locator(".card")).to_contain_text(f"This is card {link[15]}.")
        wait_until(lambda link=link: fragment(page) == link)
    verbs = [one["verb"] for one in served.player.requests]
    assert verbs == ["lesson", "settings", "lesson"]
    page.evaluate("location.hash = '#lesson=9&card=1'")
    expect(page.locator(".banner")).to_contain_text("The link names lesson 9")
    page.evaluate("location.hash = '#lesson=1&card=4'")
    expect(page.locator(".card")).to_contain_text("This is card 4.")
    expect(page.locator(".banner")).to_have_count(0)


def test_a_lesson_is_not_opened_where_there_is_none(opened: Open) -> None:
    page, player = opened()
    page.goto(f"{player.address}#lesson=2&card=1")
    page.reload()
    expect(page.locator(".banner")).to_contain_text("No lesson runs here")
    assert player.requests == []

"""The cards of every lesson as they are seen and heard: without a script, from its messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from conftest import Open
from learning import turn
from node import modules
from player import Message, Player, wait_until
from playwright.sync_api import Page, expect
from test_component_looks import WIDTHS, overflowing
from test_component_reach import broken
from window import button, step

from fivestep.learn.contents import LESSONS
from fivestep.learn.lesson import Lesson

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TITLES = [one.title for one in LESSONS]
NUMBERED = list(enumerate(LESSONS, start=1))
CURVES: list[Message] = [
    {
        "label": f"rate {i}", "iterations": list(range(1, 21)),
        "losses": [0.9**n * i for n in range(20)],
    }
    for i in range(1, 6)
]  # fmt: skip
CURVES[1]["losses"] = [1.0, 2.0, None, *["Infinity"] * 17]


def lesson(number: int, **more: Any) -> Message:
    one = LESSONS[number - 1]
    told = {"kind": "lesson", "number": number, "values": one.values(), "points": None}
    return told | {"answering": None} | one.plain() | more


def teaching(opened: Open, number: int, **context: Any) -> tuple[Page, Player]:
    page, player = opened(reduced_motion="reduce", **context)
    titles = [{"title": one.title, "about": one.about} for one in LESSONS]
    player.say({"kind": "lessons", "lessons": titles})
    player.say(lesson(number))
    expect(page.locator("#lesson-title")).to_contain_text(LESSONS[number - 1].title)
    return page, player


def answer(player: Player, number: int, card: Any, *, right: bool) -> None:
    drawn = card["how"] == "draw"
    player.say(
        {
            "kind": "verdict", "lesson": number, "question": card["name"], "right": right,
            "answer": [1.0] * card["points"] if drawn else next(iter(card["answers"])),
            "truth": "falls" if drawn else list(card["answers"])[-1],
            "words": "The real run went from 1 to `0.1`. " * 4,
            "curves": CURVES[: 1 if drawn else 5],
        }
    )  # fmt: skip


@pytest.mark.parametrize(("number", "one"), NUMBERED, ids=TITLES)
def test_every_card_fits_every_width(
    opened: Open, pictures: Path, number: int, one: Lesson
) -> None:
    page, player = teaching(opened, number)
    step(page)
    for place, card in enumerate(one.plain()["cards"]):
        if card["card"] == "predict":
            answer(player, number, card, right=place % 2 == 0)
            expect(page.locator(".verdict")).to_be_visible()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wait_until(lambda: overflowing(page) == [])
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        name = f"lesson_{number}_card_{place + 1}_{card['card']}.png"
        page.locator(".lesson").screenshot(path=pictures / name)
        if place + 1 < len(one.cards):
            button(page, "Next card").or_(button(page, "Skip this card")).click()


@pytest.mark.parametrize(("number", "one"), NUMBERED, ids=TITLES)
def test_axe_finds_nothing_on_any_card(opened: Open, number: int, one: Lesson) -> None:
    page, player = teaching(opened, number)
    page.evaluate((modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    player.say({"kind": "output", "text": "learned: y = 2.000 x + 1.000"})
    kinds: set[str] = set()
    for place, card in enumerate(one.plain()["cards"]):
        if (kind := card.get("how", card["card"])) not in kinds:
            kinds.add(kind)
            assert broken(page) == []
            if card["card"] == "predict":
                answer(player, number, card, right=False)
                expect(page.locator(".verdict")).to_be_visible()
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                assert broken(page) == []
        if place + 1 < len(one.cards):
            page.get_by_role("button", name="this card").or_(
                page.get_by_role("button", name="Next card")
            ).click()


@pytest.mark.parametrize(("touch", "least"), [(False, 24), (True, 44)])
def test_targets_are_large_enough(opened: Open, touch: bool, least: int) -> None:
    size = {"width": 360, "height": 800}
    page, _ = teaching(opened, 2, viewport=size, has_touch=touch, is_mobile=touch)
    for _ in range(2):
        button(page, "Next card").or_(button(page, "Skip this card")).click()
    small = page.locator("button, select, input, summary, textarea").evaluate_all(
        """(all, least) => all.map(one => [one, one.getBoundingClientRect()])
            .filter(([, box]) => box.height < least || box.width < least)
            .map(([one, box]) => `${one.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)""",
        least,
    )
    assert small == []


def test_what_a_screen_reader_is_told(opened: Open) -> None:
    page, player = teaching(opened, 1)
    for number in range(2, 7):
        button(page, "Next card").or_(button(page, "Skip this card")).click()
        expect(page.locator(".card h3")).to_contain_text(f"{number} of 9")
    told = page.locator(".lesson").aria_snapshot()
    for part in (
        'navigation "Lessons"', 'heading "Lesson 1: The five steps" [level=2]',
        'heading "Predict card 6 of 9" [level=3]', 'group "How does it go on? Draw it."',
        'slider "Loss in iteration 30"',
    ):  # fmt: skip
        assert part in told, f"{part}\n{told}"
    player.say({"kind": "end", "reason": "finished", "message": "", "exit_code": 0})
    answer(player, 1, LESSONS[0].plain()["cards"][5], right=False)
    spoken = page.locator("[aria-live]")
    expect(spoken).to_contain_text("Otherwise than you said.")
    assert spoken.count() == 1


def test_the_heading_of_the_new_card_has_the_focus(opened: Open) -> None:
    page, _ = teaching(opened, 1)
    button(page, "Next card").click()
    expect(page.locator(".card h3")).to_be_focused()


def test_a_curve_is_drawn_with_the_pointer(opened: Open) -> None:
    page, player = teaching(opened, 1)
    for _ in range(5):
        button(page, "Next card").or_(button(page, "Skip this card")).click()
    box = page.locator(".pad").bounding_box()
    assert box
    left, width = box["x"] + box["width"] * 0.15, box["width"] * 0.8
    top, height = box["y"], box["height"]
    page.mouse.move(left, top + height * 0.45)
    page.mouse.down()
    page.mouse.move(left + width, top + height * 0.85, steps=40)
    page.mouse.up()
    button(page, "That is my answer: run it").click()
    wait_until(lambda: player.verbs()[-1:] == ["answer"])
    asked = player.requests[-1]
    assert asked["name"] == "fall"
    drawn = asked["value"]
    assert drawn[0] == 1
    assert drawn[1:] == sorted(drawn[1:], reverse=True)
    assert drawn[-1] < 0.2 < 0.7 < drawn[1] < 1


def test_what_the_page_sends(opened: Open) -> None:
    page, player = teaching(opened, 2)
    page.get_by_label("Rate (--lr)", exact=True).fill("0.25")
    page.get_by_label("Rate (--lr)", exact=True).press("Enter")
    button(page, "New seed").click()
    page.get_by_role("button", name="Lesson 1: The five steps").click()
    page.locator("#own-points").fill("0 1\n2;3\n\n4\t-5e-3")
    button(page, "Use these points").click()
    wait_until(lambda: len(player.requests) == 4)
    settings, seed, chosen, points = player.requests
    assert (settings["verb"], settings["value"]) == ("settings", {"lr": 0.25})
    assert seed["value"]["seed"] != 0
    assert (chosen["verb"], chosen["value"]) == ("lesson", 1)
    assert (points["verb"], points["value"]) == ("points", [[0, 1], [2, 3], [4, -0.005]])


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("", "At least two points"), ("1, 2", "At least two points"),
        ("1, 2\n3", "Line 2"), ("a\nb\n1, 2", "Line 2"), ("1, 2\n3, x", "Line 2"),
        ("1,2\n3,Infinity", "Line 2"), ("1,2\n3,NaN", "Line 2"), ("1,2,3\n4,5,6", "Line 1"),
        ("1,2\n" * 201, "at most 200"), ("1e999, 2\n3, 4", "Line 1"),
        ("0,5 1,5\n1 2", "Line 1"), ("1, 2; 3, 4\n1 2", "Line 1"), ("1,5;\n1 2", "Line 1"),
        ("<img src=x onerror=alert(1)>\n1, 2\n__proto__", "Line 3"),
    ],
)  # fmt: skip
def test_text_that_holds_no_points(opened: Open, text: str, trouble: str) -> None:
    page, player = teaching(opened, 2)
    page.locator("#own-points").fill(text)
    button(page, "Use these points").click()
    expect(page.locator("#own-trouble")).to_contain_text(trouble)
    assert player.requests == []


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("x;y\n0,5;1,25\n-2;3,5e1", [[0.5, 1.25], [-2, 35]]),
        ('"x","y"\r\n"0.5","1"\r\n2,3\r\n', [[0.5, 1], [2, 3]]),
        ("0,5\t1\n1\t2,5", [[0.5, 1], [1, 2.5]]),
        ("1;2\n3,4", [[1, 2], [3, 4]]),
    ],
)
def test_text_as_programs_write_it(opened: Open, text: str, points: list[list[float]]) -> None:
    page, player = teaching(opened, 2)
    page.locator("#own-points").fill(text)
    button(page, "Use these points").click()
    wait_until(lambda: len(player.requests) == 1)
    assert player.requests[0]["value"] == points


def test_a_file_without_points_is_said_at_once(opened: Open) -> None:
    page, player = teaching(opened, 2)
    file = page.locator(".own input[type=file]")
    for name, content in (("empty.csv", b""), ("picture.csv", bytes(range(128, 256)) * 9)):
        file.set_input_files(files=[{"name": name, "mimeType": "text/csv", "buffer": content}])
        expect(page.locator("#own-trouble")).to_contain_text("At least two points are needed.")
        page.locator("#own-points").fill("1 2")
        button(page, "Use these points").click()
    assert player.requests == []


def test_progress_outlives_a_reload_and_needs_no_storage(opened: Open) -> None:
    page, player = teaching(opened, 1)
    button(page, "Next card").click()
    page.reload()
    expect(page.locator(".card h3")).to_contain_text("card 2 of")
    page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new Error('none') }})"
    )
    page.reload()
    expect(page.locator(".card h3")).to_contain_text("card 1 of")
    turn(page, "Do")
    player.say(lesson(2))
    expect(page.locator(".card h3")).to_contain_text("card 1 of")
    player.say(lesson(1))
    expect(page.locator(".card h3")).to_contain_text("card 2 of")


def test_a_run_under_way_is_said_and_cannot_be_asked_again(opened: Open) -> None:
    page, player = teaching(opened, 1)
    for _ in range(2):
        button(page, "Next card").or_(button(page, "Skip this card")).click()
    page.get_by_role("radio").first.check()
    running = {"question": "mover", "label": "rate 2", "run": 2, "of": 4}
    player.say(lesson(1, answering=running))
    expect(page.locator(".commit")).to_contain_text("Run 2 of 4, rate 2")
    expect(button(page, "That is my answer: run it")).to_be_disabled()
    player.say({"kind": "verdict", "lesson": 1, "question": "mover", "dropped": "it was cut short"})
    expect(page.locator(".verdict")).to_contain_text("No answer: it was cut short")
    expect(button(page, "That is my answer: run it")).to_be_enabled()


def test_without_a_lesson_the_page_is_that_of_step(opened: Open) -> None:
    page, _ = opened()
    assert page.locator(".lesson, .settings, .own, .output").count() == 0

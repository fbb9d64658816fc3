"""The pictures of what is learnt: of real runs, in a real browser."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
from conftest import Open
from make_golden import Plan, Scripted
from player import wait_until
from playwright.sync_api import Page, expect
from test_component_looks import overflowing
from test_component_reach import broken, modules
from traces import line
from window import step, to_the_end

from fivestep.page.perform import perform
from fivestep.page.protocol import VERSION, Message

SCRIPTS = Path(__file__).parent / "scripts"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
ITERATIONS: Plan = ["iteration"] * 15


@cache
def run(script: str, word: str = "") -> tuple[Message, ...]:
    """What the real producer tells of a script, less the states: the player makes them."""
    messages: list[Message] = []

    def post(kind: str, fields: Message) -> int:
        messages.append({"v": VERSION, "seq": len(messages) + 1, "kind": kind} | fields)
        return len(messages)

    steps: Plan = ["step"] * 5
    perform(
        str(SCRIPTS.parent / script), [word] if word else [], post,
        Scripted([*steps, *ITERATIONS, "play"]), run_id="real", share=0.0,
    )  # fmt: skip
    made = {"state", "ack", "knobs", "source"}
    return tuple(one for one in messages if one["kind"] not in made)


RUNS = {
    "line": ("../../examples/line.py", ""), "classes": ("scripts/corners.py", ""),
    "chance": ("scripts/plane.py", "chance"), "field": ("scripts/plane.py", "plane"),
    "by hand": ("scripts/plane.py", "noisy"),
}  # fmt: skip


def trace(name: str) -> list[Message]:
    return list(run(*RUNS[name]))


def painted(page: Page, nth: int) -> int:
    """How many colours a canvas has: 1 where nothing was drawn."""
    return (
        page.locator(".learnt canvas")
        .nth(nth)
        .evaluate("""one => {
        const {data} = one.getContext("2d").getImageData(0, 0, one.width, one.height);
        return new Set(new Uint32Array(data.buffer)).size;
    }""")
    )


def learnt(page: Page) -> Any:
    return page.get_by_role("region", name="What is learnt")


def label(page: Page, nth: int) -> Any:
    return page.locator(".learnt canvas").nth(nth)


def test_no_panel_where_there_is_nothing_to_see(opened: Open) -> None:
    page, _ = opened(line(8))
    step(page, 6)
    expect(page.get_by_role("region", name="Loss", exact=True)).to_be_visible()
    expect(learnt(page)).to_have_count(0)


def test_it_comes_with_the_first_data_and_follows_the_run(opened: Open) -> None:
    page, _ = opened(trace("line"))
    expect(learnt(page)).to_contain_text("With the first loss: the data and what the model")
    expect(page.locator(".learnt canvas")).to_have_count(0)
    step(page, 2)
    expect(learnt(page)).to_contain_text("before the first update")
    expect(label(page, 0)).to_have_attribute("aria-label", _part("100 points and the model's line"))
    step(page, 3)
    expect(learnt(page)).to_contain_text("after iteration 1")
    expect(label(page, 1)).to_have_attribute(
        "aria-label", _part("The loss over weight and bias: lowest")
    )
    to_the_end(page)
    expect(label(page, 1)).to_have_attribute("aria-label", _part("in iteration 100."))
    assert min(painted(page, 0), painted(page, 1)) > 20


def test_one_looks_back_at_the_line_as_it_was(opened: Open) -> None:
    page, _ = opened(trace("line"))
    step(page, 10)
    expect(learnt(page)).to_contain_text("after iteration 2")
    now = label(page, 0).get_attribute("aria-label")
    page.keyboard.press("ArrowLeft")
    expect(learnt(page)).to_contain_text("after iteration 1")
    assert label(page, 0).get_attribute("aria-label") != now
    page.keyboard.press("Home")
    expect(learnt(page)).to_have_count(0)  # at the first forward nothing was known
    page.keyboard.press("End")
    expect(learnt(page)).to_contain_text("after iteration 2")
    expect(label(page, 0)).to_have_attribute("aria-label", now or "")


def test_classes_have_a_marker_a_colour_and_a_name(opened: Open) -> None:
    page, _ = opened(trace("classes"))
    to_the_end(page)
    marks = page.locator(".learnt .mark polygon")
    expect(marks).to_have_count(3)
    shapes = {one.get_attribute("points") for one in marks.all()}
    colours = {one.get_attribute("fill") for one in marks.all()}
    assert len(shapes) == len(colours) == 3
    expect(learnt(page)).to_contain_text("class 2")
    expect(learnt(page)).to_contain_text("Loss surface (a slice)")
    expect(learnt(page)).to_contain_text("The other 97 stand as they stood after iteration")
    expect(label(page, 0)).to_have_attribute("aria-label", _part("120 points of 3 classes"))


def test_numbers_stand_in_tables(opened: Open) -> None:
    page, _ = opened(trace("line"))
    to_the_end(page)
    for summary in learnt(page).locator("summary").all():
        summary.click()
    tables = learnt(page).get_by_role("table")
    expect(tables).to_have_count(2)
    expect(tables.nth(0).get_by_role("columnheader")).to_have_text(["input", "target", "model"])
    heads = ["iteration", "weight", "bias", "loss near there"]
    expect(tables.nth(1).get_by_role("columnheader")).to_have_text(heads)
    last = tables.nth(1).get_by_role("row").last.get_by_role("cell")
    expect(last.nth(0)).to_have_text("100")
    weight = float(last.nth(1).inner_text())
    assert abs(weight - 2) < 0.1


def test_why_there_is_no_surface_is_said(opened: Open) -> None:
    page, _ = opened(trace("by hand"))
    step(page, 5)
    expect(learnt(page)).to_have_count(0)  # its target is no value of a name
    page, _ = opened(_without_surface())
    step(page, 5)
    expect(learnt(page)).to_contain_text("No surface of the loss: the loss is written by hand")
    expect(page.locator(".learnt canvas")).to_have_count(1)


def _without_surface() -> list[Message]:
    said = {"names": [], "words": "No surface of the loss: the loss is written by hand."}
    return [
        {k: one[k] for k in ("v", "seq", "kind", "iteration")} | said
        if one["kind"] == "surface" else one
        for one in trace("line")
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["line", "classes", "chance", "field"])
def test_pictures_at_every_width_and_nothing_for_axe_to_find(
    opened: Open, pictures: Path, name: str
) -> None:
    page, _ = opened(trace(name), reduced_motion="reduce")
    page.evaluate((modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    step(page, 5)
    page.screenshot(path=pictures / f"learnt_{name}_begin.png", full_page=True)
    to_the_end(page)
    for summary in learnt(page).locator("summary").all():
        summary.click()
    for width in (320, 768, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        wait_until(lambda: overflowing(page, ".learnt") == [])
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            wait_until(lambda: painted(page, 0) > 10)
            learnt(page).screenshot(path=pictures / f"learnt_{name}_{scheme}_{width}.png")
            if width == 768:
                assert broken(page) == []


def test_forced_colours_still_tell_the_classes(opened: Open, pictures: Path) -> None:
    page, _ = opened(trace("classes"), forced_colors="active", reduced_motion="reduce")
    to_the_end(page)
    wait_until(lambda: painted(page, 0) > 4)
    learnt(page).screenshot(path=pictures / "learnt_forced.png")


def test_a_record_shows_it_too(opened: Open) -> None:
    """As ``--replay`` does: the page plays the messages itself."""
    kept = [one | {"mode": "replay"} if one["kind"] == "hello" else one for one in trace("line")]
    page, player = opened(kept)
    with player._news:  # pyright: ignore[reportPrivateUsage]
        player.advance()
    expect(learnt(page)).not_to_contain_text("before the first update")
    page.keyboard.press("s")
    page.keyboard.press("s")
    expect(learnt(page)).to_contain_text("before the first update")


def _part(text: str) -> Any:
    import re

    return re.compile(re.escape(text))

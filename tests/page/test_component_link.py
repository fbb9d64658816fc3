"""What the address of the page keeps; and the small things beside the pictures."""

from __future__ import annotations

import re
from pathlib import Path

from conftest import Open
from player import wait_until
from playwright.sync_api import Page, expect
from test_component_looks import overflowing
from test_component_reach import SCHEMES, broken, modules
from traces import line
from window import button, step, to_the_end


def fragment(page: Page) -> str:
    return page.evaluate("location.hash")


def again(page: Page) -> None:
    page.reload()
    page.locator(".script", has_text=".py").wait_for()


def test_a_reload_keeps_the_scale_and_the_moment_that_one_looks_at(opened: Open) -> None:
    page, _ = opened()
    assert fragment(page) == ""
    step(page, 8)
    button(page, "Log scale").click()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".where")).to_have_text(
        re.compile("replay.*iteration 2.*forward", re.DOTALL)
    )
    told = page.locator(".where").inner_text()
    page.wait_for_function("location.hash.includes('at=')")
    again(page)
    expect(button(page, "Log scale")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".where")).to_have_text(
        re.compile("replay.*iteration 2.*forward", re.DOTALL)
    )
    assert page.locator(".where").inner_text() == told
    page.keyboard.press("End")
    button(page, "Log scale").click()
    page.wait_for_function("location.hash === ''")


def test_knobs_stay_in_the_address_and_are_offered_where_they_do_not_hold(opened: Open) -> None:
    page, player = opened()
    step(page, 2)
    page.get_by_label("Rate (lr)").fill("0.5")
    page.get_by_label("Rate (lr)").press("Enter")
    page.get_by_label("Speed").select_option("2")
    page.wait_for_function("location.hash === '#lr=0.5&speed=2'")
    again(page)
    step(page)
    expect(page.locator(".banner")).to_have_count(0)  # the loop has them still
    other, second = opened()
    other.goto(f"{second.address}{fragment(page)}")
    again(other)
    expect(other.locator(".banner")).to_contain_text("lr 0.5, speed 2")
    assert second.requests == [], "nothing is turned by a link alone"
    button(other, "Turn the knobs so").click()
    expect(other.locator(".banner")).to_have_count(0)
    wait_until(lambda: len(second.requests) == 2)
    assert sorted(second.verbs()) == ["knob", "speed"]
    assert player.requests[-1]["verb"] == "step"


def test_a_link_with_nonsense_in_it_does_nothing(opened: Open) -> None:
    page, player = opened()
    nonsense = "#lr={}&momentum=[1]&at=x&speed=&zero_grad_at=<b>&other=1&seed=null"
    page.goto(f"{player.address}{nonsense}")
    again(page)
    step(page)
    expect(page.locator(".banner")).to_have_count(0)
    assert player.verbs() == ["step"]


def test_a_new_seed_is_asked_for_apart_from_reset(opened: Open) -> None:
    page, player = opened()
    button(page, "New seed").click()
    wait_until(lambda: len(player.requests) == 1)
    button(page, "Reset").click()
    wait_until(lambda: len(player.requests) == 2)
    assert player.verbs() == ["reset", "reset"]
    seed = player.requests[0]["value"]
    assert isinstance(seed, int)
    assert 0 <= seed < 2**32
    assert "value" not in player.requests[1]


def test_a_seed_in_the_link_begins_anew_only_when_asked(opened: Open) -> None:
    page, player = opened()
    page.goto(f"{player.address}#seed=7")
    again(page)
    expect(page.locator(".banner")).to_contain_text("seed 7")
    button(page, "Begin anew with that seed").click()
    wait_until(lambda: len(player.requests) == 1)
    assert player.requests[0]["value"] == 7


def test_the_page_says_how_fast_it_plays(opened: Open) -> None:
    page, _ = opened()
    expect(page.locator(".sentence")).to_contain_text("Play to let it run, 5 steps a second")
    step(page)
    button(page, "Play").click()
    expect(page.locator(".sentence")).to_contain_text("is running, 5 steps a second.")


def test_a_finding_that_is_not_sure_says_so_and_can_go(opened: Open) -> None:
    trace = line(12, finding_at=3)
    for one in trace:
        if one["kind"] == "finding":
            one |= {"early": True, "severity": "suspicious"}
    page, player = opened(trace)
    to_the_end(page)
    expect(page.locator(".finding")).to_contain_text("it may pass")
    seq = next(one["seq"] for one in player.said if one["kind"] == "finding")
    player.say({"kind": "withdrawn", "seq_of": seq})
    expect(page.locator(".finding")).to_have_count(0)


CHANGES = {
    "kind": "changes", "file": "train.py", "text": "import torch\n", "unsaid": [],
    "diff": "--- train.py\n+++ train.py, changed\n@@ -1 +1 @@\n-lr=0.1\n+lr=0.5",
}  # fmt: skip


def test_the_script_with_the_knobs_in_it_can_be_copied(opened: Open, pictures: Path) -> None:
    page, player = opened(
        permissions=["clipboard-read", "clipboard-write"], reduced_motion="reduce"
    )
    step(page)
    expect(page.get_by_role("heading", name="As Python")).to_have_count(0)
    player.say(CHANGES)
    button(page, "Copy as Python").click()
    expect(page.locator(".as-python")).to_contain_text("train.py copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "import torch\n"
    button(page, "Copy the difference").click()
    expect(page.locator(".as-python")).to_contain_text("The difference copied.")
    assert page.evaluate("navigator.clipboard.readText()") == CHANGES["diff"]
    page.get_by_text("The lines that change in train.py").click()
    expect(page.locator(".as-python .added")).to_have_text(["+++ train.py, changed", "+lr=0.5"])
    page.evaluate((modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert broken(page) == []
    for width in (320, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        wait_until(lambda: overflowing(page, ".knobs > *:not(.as-python)") == [])
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator(".knobs").screenshot(path=pictures / f"as_python_{width}.png")


def test_what_cannot_be_copied_says_why(opened: Open) -> None:
    page, player = opened()
    step(page)
    unsaid = ["lr: no optimizer is made in this file"]
    player.say(CHANGES | {"diff": "", "unsaid": unsaid})
    expect(page.locator(".as-python")).to_contain_text(
        "Not in these lines: lr: no optimizer is made"
    )
    expect(button(page, "Copy as Python")).to_have_count(0)
    player.say(CHANGES | {"diff": ""})
    expect(page.locator(".as-python")).to_have_count(0)

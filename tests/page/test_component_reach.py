"""The component by keyboard alone, and as a screen reader has it."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from conftest import Open
from node import modules
from player import wait_until
from playwright.sync_api import Page, expect
from traces import line
from window import active, button, step, to_the_end

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def test_keys_act_while_the_component_has_the_focus_and_only_then(opened: Open) -> None:
    page, player = opened()
    for key in (" ", " ", "s", "n", "z", "z", "r"):
        before = len(player.requests)
        page.keyboard.press(key)
        wait_until(lambda before=before: len(player.requests) == before + 1)
        page.wait_for_timeout(60)
    assert player.verbs() == ["play", "pause", "step", "iteration", "knob", "knob", "reset"]
    assert [one["value"] for one in player.requests[4:6]] == [True, False]
    page.keyboard.press("?")
    expect(page.get_by_role("region", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Keys")).to_have_count(0)
    page.keyboard.press("Control+z")  # the browser's, not ours
    page.get_by_label("Rate (lr)").focus()
    page.keyboard.press("s")  # a letter typed into a box is no command
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("s")
    page.wait_for_timeout(100)
    assert len(player.requests) == 7


def test_arrows_walk_through_the_record(opened: Open) -> None:
    page, _ = opened()
    for _ in range(4):
        page.keyboard.press("s")
    expect(page.locator(".where")).to_contain_text("backward")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".where")).to_contain_text("loss")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".where")).to_contain_text("zero_grad")
    page.keyboard.press("Home")
    expect(page.locator(".where")).to_contain_text("forward")
    page.keyboard.press("Escape")
    expect(page.locator(".where")).to_contain_text("backward")


def test_tab_reaches_everything_and_leaves_again(opened: Open) -> None:
    page, _ = opened()
    step(page, 2)
    page.evaluate("document.body.append(document.createElement('button'))")
    page.locator(".root").focus()
    name = "(() => { const one = document.activeElement.shadowRoot?.activeElement;"
    name += "return one ? one.getAttribute('aria-label') || one.id || one.innerText : 'OUT' })()"
    seen: list[str] = []
    while "OUT" not in seen and len(seen) < 60:
        page.keyboard.press("Tab")
        seen.append(page.evaluate(name).split("\n")[0])
        if seen[-1] != "OUT":
            outline = page.evaluate(active("matches(':focus-visible')"))
            assert outline is True, seen[-1]
    assert seen[-1] == "OUT"
    wanted = {"Play", "Step", "Iteration", "Epoch", "Reset", "Keys", "train.py", "Log scale"}
    wanted |= {"Zoom in", "Zoom out", "Rate, logarithmic", "knob-lr", "knob-momentum"}
    wanted |= {"knob-skip_zero_grad", "knob-zero_grad_at", "knob-clip"}
    assert wanted <= set(seen), wanted - set(seen)


def test_what_a_screen_reader_is_told(opened: Open) -> None:
    page, _ = opened()
    step(page)
    told = page.locator(".root").aria_snapshot()
    for part in (
        'heading "fivestep train.py" [level=1]', 'heading "Your code" [level=2]',
        'button "Step"', 'combobox "Speed"', 'img "Loss against iteration. ',
        'slider "Rate, logarithmic"', 'spinbutton "Rate (lr)"', 'checkbox "Leave zero_grad out"',
        'navigation "The five steps of the loop"', 'columnheader "= after"',
        "- status: ",
    ):  # fmt: skip
        assert part in told, f"{part}\n{told}"
    assert page.locator("[aria-live]").count() == 1


def test_the_live_region_speaks_at_most_once_a_second(opened: Open) -> None:
    page, _ = opened()
    page.locator("[aria-live]").evaluate("""region => {
        window.spoken = [];
        const all = {childList: true, characterData: true, subtree: true};
        new MutationObserver(() => window.spoken.push(performance.now())).observe(region, all);
    }""")
    for _ in range(12):
        page.keyboard.press("s")
        page.wait_for_timeout(120)
    expect(page.locator("[aria-live]")).to_contain_text("Iteration 3, loss")
    spoken = page.evaluate("window.spoken")
    assert len(spoken) < 8
    assert all(later - sooner > 900 for sooner, later in pairwise(spoken))


def test_axe_finds_nothing_in_light_and_in_dark(opened: Open) -> None:
    axe = (modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    trace = line(12, nan_at=4, finding_at=3)
    page, player = opened(trace, reduced_motion="reduce")  # no colour halfway to another
    page.evaluate(axe)
    assert broken(page) == []
    page.get_by_label("Rate (lr)").fill("2000")
    page.get_by_label("Rate (lr)").press("Enter")
    button(page, "Keys").click()
    to_the_end(page)
    player.say({"kind": "note", "level": "warning", "text": "a schedule sets the rate, too"})
    button(page, "Back").click()
    for summary in page.locator("summary").all():
        summary.click()
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert broken(page) == []


def broken(page: Page) -> list[str]:
    found = page.evaluate("axe.run(document)")["violations"]
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
        for one in found
        for node in one["nodes"]
    ]

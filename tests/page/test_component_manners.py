"""How the page behaves: the order it shows, held keys, notes, what it says while it waits."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Open
from node import modules
from player import STATIC, Message, wait_until
from playwright.sync_api import Page, Request, expect
from test_component_looks import overflowing
from test_component_reach import broken
from traces import SOURCE, line, watched
from window import button, step, to_the_end

ZERO_FIRST = ["zero_grad", "forward", "loss", "backward", "update"]


def zero_first(*, readable: bool = True) -> list[Message]:
    """The record of a loop that empties its gradients first; the order is told after it has run."""
    trace = line(3)
    lines = SOURCE.splitlines()
    lines.insert(14, lines.pop(16))
    if not readable:
        lines = [one.replace("optimizer.zero_grad", "clear") for one in lines]
    trace[0]["sources"] = [{"file": "train.py", "text": "\n".join(lines)}]
    told = [one for one in trace if one["kind"] not in ("order", "moment")]
    for iteration in range(1, 4):
        moments = [one for one in trace if one.get("iteration") == iteration and "step" in one]
        moments.sort(key=lambda one: ZERO_FIRST.index(one["step"]))
        for at, one in enumerate(moments):
            one["site"] = one["site"] | {"line": 15 + at}
        place = next(i for i, one in enumerate(told) if one.get("iteration") == iteration)
        told[place:place] = moments
        if iteration == 1:
            told.insert(place + 5, {"kind": "order", "steps": ZERO_FIRST})
    return [one | {"seq": seq} for seq, one in enumerate(told, start=1)]


def chips(page: Page) -> list[str]:
    return page.locator(".chip .name").all_inner_texts()


def test_the_order_that_the_code_has_stays_through_its_first_iteration(opened: Open) -> None:
    page, _ = opened(zero_first())
    assert chips(page) == ZERO_FIRST
    for count, name in enumerate(ZERO_FIRST):
        step(page)
        assert chips(page) == ZERO_FIRST
        assert page.locator(".chip.current .name").inner_text() == name
        assert page.locator(".chip.done").count() == count
        numbers = page.locator(".chip .line").all_inner_texts()
        assert numbers == [f"line {15 + at}" for at in range(5)]
        if count < 4:
            expect(page.locator(".sentence")).to_contain_text(f"Next: {ZERO_FIRST[count + 1]}.")
            expect(page.locator(".chips > p")).to_contain_text("So your code reads.")
    expect(page.locator(".chips > p")).to_contain_text("The order found in your code.")


def test_what_has_run_goes_before_an_order_that_nobody_can_read(opened: Open) -> None:
    page, _ = opened(zero_first(readable=False))
    assert chips(page) == ["forward", "loss", "zero_grad", "backward", "update"]
    step(page)
    assert chips(page) == ZERO_FIRST
    assert page.locator(".chip.current .name").inner_text() == "zero_grad"


# --- Held keys --------------------------------------------------------------------------------


def hold(page: Page, key: str, times: int = 12) -> None:
    for _ in range(times):
        page.keyboard.down(key)
    page.keyboard.up(key)


def silent(player: Any) -> list[Message]:
    """From now on nothing that is asked for is answered."""
    player.take = player.requests.append
    return player.requests


def posts(page: Page) -> list[str]:
    """The verbs that the page sends from now on."""
    found: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            found.append(json.loads(request.post_data or "{}")["verb"])

    page.on("request", note)
    return found


def settled(page: Page) -> None:
    """What was pressed has been acted on, and its requests are on their way."""
    page.evaluate("new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")


def test_a_held_key_asks_once(opened: Open) -> None:
    page, player = opened()
    sent = posts(page)
    for count, key in enumerate(("r", "z", " "), start=1):
        hold(page, key)
        settled(page)
        wait_until(lambda count=count: len(player.requests) >= count)
    assert sent == ["reset", "knob", "play"]
    button(page, "New seed").focus()
    hold(page, "Enter")
    settled(page)
    wait_until(lambda: len(player.requests) >= 4)
    assert sent[3:] == ["reset"]
    hold(page, "?")
    expect(page.get_by_role("region", name="Keys")).to_be_visible()


def test_a_held_step_waits_for_its_answer(opened: Open) -> None:
    page, player = opened()
    asked, sent = silent(player), posts(page)
    for count, key in enumerate(("s", "n", "s"), start=1):
        hold(page, key)
        settled(page)
        wait_until(lambda count=count: len(asked) >= count)
    assert sent == ["step", "iteration", "step"]


def test_a_held_step_goes_on_when_it_was_answered(opened: Open) -> None:
    page, _ = opened()
    sent = posts(page)
    page.keyboard.down("s")
    for name in ("forward", "loss", "zero_grad"):
        expect(page.locator(".where")).to_contain_text(name)
        before = len(sent)
        wait_until(lambda before=before: _again(page, sent, before))
    page.keyboard.up("s")


def _again(page: Page, sent: list[str], before: int) -> bool:
    page.keyboard.down("s")
    settled(page)
    return len(sent) > before


# --- The logarithmic scale ----------------------------------------------------------------------

INK = """([selector, rgb]) => {
    const canvas = document.querySelector('main').shadowRoot.querySelector(selector);
    if (!canvas) return []; // it is being drawn anew
    const {width, height} = canvas;
    const all = canvas.getContext('2d').getImageData(0, 0, width, height).data;
    const found = {};
    for (let x = 0; x < width; x++) for (let y = 0; y < height; y++) {
        const at = 4 * (y * width + x);
        if (rgb.every((one, i) => Math.abs(all[at + i] - one) < 12) && all[at + 3] > 200) {
            (found[x] ??= []).push(y);
        }
    }
    return Object.entries(found).map(([x, ys]) => [+x, ys.reduce((a, b) => a + b) / ys.length]);
}"""
BLUE = [0, 114, 178]  # of the only curve, in the light


def half_way(page: Page, canvas: str) -> float:
    """How high the curve is in its middle, as a share of the height between its two ends."""
    found = page.evaluate(INK, [canvas, BLUE])
    if len(found) < 20:
        return -1.0
    (left, first), (right, last) = found[0], found[-1]
    middle = min(found, key=lambda one: abs(one[0] - (left + right) / 2))
    return (middle[1] - first) / (last - first)


def with_losses(losses: list[float]) -> list[Message]:
    trace = line(len(losses))
    for one in trace:
        if one.get("loss") is not None:
            one["loss"] = losses[one["iteration"] - 1]
    return trace


def test_the_logarithmic_scale_is_one(opened: Open) -> None:
    page, _ = opened(with_losses([1, 10, 100]), color_scheme="light")
    to_the_end(page)
    canvas = ".loss canvas"
    wait_until(lambda: abs(half_way(page, canvas) - 9 / 99) < 0.03)
    button(page, "Log scale").click()
    wait_until(lambda: abs(half_way(page, canvas) - 0.5) < 0.03)  # 10, between 1 and 100


def test_values_that_have_no_logarithm_are_told_and_not_left_out(opened: Open) -> None:
    page, _ = opened(with_losses([1, 0, -98]), color_scheme="light")
    to_the_end(page)
    button(page, "Log scale").click()
    told = "2 values at or below zero cannot stand on a logarithmic scale: linear."
    expect(page.locator(".loss")).to_contain_text(told)
    wait_until(lambda: abs(half_way(page, ".loss canvas") - 1 / 99) < 0.03)
    button(page, "Log scale").click()
    expect(page.locator(".loss")).not_to_contain_text("logarithmic scale")


def watching(opened: Open, losses: list[float], **context: Any) -> Page:
    trace = watched(len(losses))
    for one in trace:
        if one["kind"] == "iteration":
            one |= {"loss": losses[one["iteration"] - 1]}
            one.pop("low", None)
            one.pop("high", None)
    page, player = opened(trace[:1], **context)
    player.trace = [one for one in trace if one["kind"] != "entry"]
    with player._news:  # pyright: ignore[reportPrivateUsage]
        player.advance()
    expect(page.locator(".chart.loss")).to_be_visible()
    return page


def test_the_scale_of_a_training_that_is_watched(opened: Open) -> None:
    page = watching(opened, [10 ** (i / 10) for i in range(21)], color_scheme="light")
    canvas = ".chart.loss canvas"
    wait_until(lambda: 0.05 < half_way(page, canvas) < 0.15)
    button(page, "Log scale").click()
    wait_until(lambda: abs(half_way(page, canvas) - 0.5) < 0.03)
    expect(page.locator(".chart.loss")).not_to_contain_text("logarithmic scale")


def test_a_training_that_is_watched_says_what_has_no_logarithm(opened: Open) -> None:
    page = watching(opened, [1.0, 0.5, 0.0, *[0.25] * 9])
    button(page, "Log scale").click()
    told = "1 value at or below zero cannot stand on a logarithmic scale: linear."
    expect(page.locator(".chart.loss")).to_contain_text(told)
    expect(page.locator(".chart.gradient-norm")).not_to_contain_text("logarithmic")


# --- The run before ---------------------------------------------------------------------------


def test_reset_keeps_the_curve_of_the_run_before(opened: Open, pictures: Path) -> None:
    page, player = opened(line(30), reduced_motion="reduce")
    step(page)
    page.get_by_label("Leave zero_grad out").check()
    expect(page.locator("#knob-skip_zero_grad-answer")).to_contain_text("acts since")
    to_the_end(page)
    expect(page.locator(".ghost")).to_have_count(0)
    player.knobs["skip_zero_grad"] = False  # a new run begins as the script is written
    button(page, "Reset").click()
    expect(page.locator(".where")).to_contain_text("iteration 0")
    ghost = page.get_by_role("checkbox", name="before: zero_grad left out")
    expect(ghost).to_be_checked()
    plot = page.locator(".plot")
    expect(plot).to_have_attribute("data-shown", "1 to 30")
    step(page, 4)
    label = plot.get_attribute("aria-label") or ""
    assert "Before: zero_grad left out. The loss goes from 1.585 in iteration 1 to" in label
    page.get_by_text("The curve in words and numbers").click()
    expect(page.locator(".loss thead")).to_have_text("iterationlossbefore")
    expect(page.locator(".loss tbody tr").last).to_have_text(re.compile("^30\u20130\\.\\d+"))
    wait_until(lambda: len(page.evaluate(INK, [".loss canvas", QUIET])) > 30)
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        wait_until(lambda: overflowing(page, ".loss") == [])
        page.locator(".loss").screenshot(path=pictures / f"ghost_{width}.png")
    ghost.uncheck()
    expect(plot).to_have_attribute("data-shown", "1 to 11")
    expect(plot).not_to_have_attribute("aria-label", re.compile("Before"))
    expect(page.locator(".loss thead")).to_have_text("iterationloss")
    page.evaluate((modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    assert broken(page) == []


QUIET = [89, 97, 108]


def test_the_run_before_is_named_by_what_was_not_the_same(opened: Open) -> None:
    page, player = opened(line(6))
    to_the_end(page)
    button(page, "Reset").click()
    ghost = page.locator(".ghost")
    expect(ghost).to_have_text("before: the same settings")
    step(page)
    page.get_by_label("Rate (lr)").fill("0.25")
    page.get_by_label("Rate (lr)").press("Enter")
    expect(ghost).to_have_text("before: learning rate as written")
    page.get_by_label("zero_grad's place").select_option("before update")
    expect(ghost).to_have_text("before: learning rate as written, zero_grad as written")
    page.get_by_label("Clip gradients to norm").fill("1")
    page.get_by_label("Clip gradients to norm").press("Enter")
    expect(page.locator("#knob-clip-answer")).to_contain_text("acts since")
    to_the_end(page)
    player.trace[0]["sources"] = [{"file": "train.py", "text": "# another\n"}]
    button(page, "Reset").click()
    expect(ghost).to_have_text(
        "before: learning rate 0.25, zero_grad before update, gradients clipped to 1, "
        "the file as it was"
    )
    step(page)
    button(page, "Reset").click()  # what has not got anywhere is not kept
    expect(ghost).to_contain_text("learning rate 0.25")


def test_another_file_has_no_run_before(opened: Open) -> None:
    page, player = opened(line(6))
    to_the_end(page)
    player.trace[0]["script"] = "other.py"
    button(page, "Reset").click()
    expect(page.locator(".script")).to_have_text("other.py")
    expect(page.locator(".ghost")).to_have_count(0)


# --- What it says and shows while it waits --------------------------------------------------------


def test_a_script_that_still_imports_is_starting(opened: Open) -> None:
    page, player = opened()
    tell = player.tell
    player.tell = lambda: None
    player.begin()
    expect(page.locator(".where .tag")).to_have_text("starting")
    tell()
    expect(page.locator(".where .tag")).to_have_text("paused")


@pytest.mark.parametrize("width", [320, 700, 1000, 1200, 1280, 1360])
def test_the_button_of_the_keys_does_not_stand_alone(opened: Open, width: int) -> None:
    page, _ = opened(viewport={"width": width, "height": 900})
    boxes = [button(page, name).bounding_box() for name in ("Keys", "Forward", "Back")]
    assert len({round(box["y"]) for box in boxes if box}) == 1


def test_each_control_has_an_icon_of_its_own(opened: Open) -> None:
    page, _ = opened()
    icons = page.locator(".controls svg path").evaluate_all(
        "all => all.map(one => one.getAttribute('d'))"
    )
    assert len(icons) == len(set(icons)) == 8


def test_a_note_can_be_closed_and_goes_with_its_cause(opened: Open) -> None:
    page, player = opened(viewport={"width": 320, "height": 900})
    note = {"kind": "note", "level": "info", "text": "the script sets the rate itself"}
    banner = page.locator(".banner")
    player.say(note)
    expect(banner).to_contain_text("sets the rate")
    button(page, "Close this note").click()
    expect(banner).to_have_count(0)
    player.say(note)
    expect(banner).to_have_count(1)
    page.locator(".root").focus()
    page.keyboard.press("Escape")
    expect(banner).to_have_count(0)
    player.say(note)
    expect(banner).to_have_count(1)
    page.get_by_label("Momentum", exact=True).fill("0.5")
    page.get_by_label("Momentum", exact=True).press("Enter")
    expect(banner).to_have_count(0)
    player.say(note | {"level": "warning", "text": "the page stopped watching"})
    page.get_by_label("Momentum", exact=True).fill("0.6")
    page.get_by_label("Momentum", exact=True).press("Enter")
    wait_until(lambda: len(player.requests) == 2)
    expect(banner).to_contain_text("stopped watching")  # that is still so
    button(page, "Reset").click()
    expect(banner).to_have_count(0)


def test_there_is_one_live_region(opened: Open) -> None:
    page, player = opened(permissions=["clipboard-read", "clipboard-write"])
    step(page)
    changes = {
        "kind": "changes", "file": "train.py", "text": "import torch\n", "unsaid": [],
        "diff": "-lr=0.1\n+lr=0.5",
    }  # fmt: skip
    player.say(changes | {"kind": "note", "level": "info", "text": "x"})
    player.say(changes)
    expect(page.get_by_role("heading", name="As Python")).to_be_visible()
    assert page.locator("[aria-live], [role=status], [role=alert], output").count() == 1
    button(page, "Copy as Python").click()
    expect(page.locator("[aria-live]")).to_have_text("train.py copied.")
    step(page)
    expect(page.locator("[aria-live]")).to_contain_text("Iteration 1, loss")


# --- For every eye ------------------------------------------------------------------------------

COLOURS = """names => {
    const root = document.querySelector('main').shadowRoot.querySelector('.root');
    const probe = root.appendChild(document.createElement('span'));
    return Object.fromEntries(names.map(name => {
        probe.style.color = `var(--${name})`;
        return [name, getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(Number)];
    }));
}"""
CURVES = ["blue", "quiet", "orange", "red", "text", "control", "minus", "plus"]
RUNS = [f"run{place}" for place in range(6)]


def brightness(rgb: list[float]) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [one / 255 for one in rgb]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: list[float], other: list[float]) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_of_contrast_knows_black_from_white() -> None:
    assert round(contrast([0, 0, 0], [255, 255, 255]), 6) == 21
    assert round(contrast([119, 119, 119], [255, 255, 255]), 2) == 4.48


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_drawn_stands_out_from_what_it_is_drawn_on(opened: Open, scheme: Any) -> None:
    page, _ = opened(color_scheme=scheme)
    found = page.evaluate(COLOURS, [*CURVES, "ground", "panel"])
    page = watching(opened, [1.0, 0.5] * 8, color_scheme=scheme)
    found |= page.evaluate(COLOURS, RUNS)
    weak = {
        f"{name} on {ground}": contrast(found[name], found[ground])
        for name in [*CURVES, *RUNS]
        for ground in ("ground", "panel")
        if contrast(found[name], found[ground]) < 3
    }
    assert weak == {}
    assert len({tuple(found[name]) for name in RUNS}) == 6


def test_forced_colours_leave_curve_knobs_and_strip_to_be_seen(opened: Open) -> None:
    page, _ = opened(forced_colors="active", reduced_motion="reduce")
    to_the_end(page)
    button(page, "Reset").click()
    step(page, 5)
    colours = page.evaluate(COLOURS, ["blue", "quiet", "panel"])
    assert contrast(colours["blue"], colours["panel"]) >= 3
    assert contrast(colours["quiet"], colours["panel"]) >= 3
    wait_until(lambda: len(page.evaluate(INK, [".loss canvas", colours["quiet"]])) > 30)
    for name in ("knob-lr", "knob-clip", "knob-zero_grad_at"):
        border = page.locator(f"#{name}").evaluate(
            "one => [getComputedStyle(one).borderTopWidth, getComputedStyle(one).borderTopStyle]"
        )
        assert border == ["1px", "solid"], name
    strip = page.locator(".layers canvas").evaluate(
        """one => new Set(new Uint32Array(one.getContext('2d')
            .getImageData(0, 0, one.width, one.height).data.buffer)).size"""
    )
    assert strip > 1  # cells of a colour of their own, not one forced colour


def test_each_control_shows_that_it_has_the_focus(opened: Open) -> None:
    page, _ = opened(line(12, finding_at=3))
    to_the_end(page)
    button(page, "Reset").click()
    step(page, 2)
    page.locator(".root").focus()
    seen = set[str]()
    look = """() => {
        const one = document.activeElement.shadowRoot?.activeElement;
        if (!one) return null;
        const style = getComputedStyle(one);
        return [one.outerHTML.slice(0, 90), style.outlineStyle, parseFloat(style.outlineWidth)];
    }"""
    while (found := page.evaluate(look)) and len(seen) < 60:
        if not found[0].startswith('<section class="root'):
            assert found[1:] == ["solid", 2], found[0]
            seen.add(found[0])
        page.keyboard.press("Tab")
    assert len(seen) > 15


def test_nothing_is_shown_on_hover_alone() -> None:
    sheets = (STATIC.parents[3] / "page" / "src").rglob("*.css")
    rules = [rule for sheet in sheets for rule in sheet.read_text(encoding="utf-8").split("}")]
    hovered = [rule.strip() for rule in rules if ":hover" in rule]
    assert hovered, "else this test says nothing"
    for rule in hovered:
        assert re.fullmatch(r"[^{]*\{\s*(background|color|border-color): [^;]*;?\s*", rule), rule
    texts = (STATIC.parents[3] / "page" / "src").rglob("*.tsx")
    only = r"<[a-z][^>]*\stitle=|onMouse(Over|Enter)|onPointer(Over|Enter)"
    found = [one.name for one in texts if re.search(only, one.read_text(encoding="utf-8"))]
    assert found == []


def test_each_knob_is_answered_with_its_place(opened: Open, capsys: Any) -> None:
    page, player = opened(line(12))
    step(page, 3)
    came: list[tuple[str, float]] = []
    page.get_by_label("Leave zero_grad out").focus()
    for count in range(8):
        began = time.perf_counter()
        page.keyboard.press("Space")
        answer = page.locator("#knob-skip_zero_grad-answer")
        wait_until(lambda count=count: len(player.requests) == 4 + count)
        expect(answer).to_have_text("acts since iteration 1, zero_grad")
        came.append((player.requests[-1]["id"], time.perf_counter() - began))
    acks = {one["id"]: one for one in player.said if one["kind"] == "ack"}
    for name, _ in came:
        assert (acks[name]["iteration"], acks[name]["step"]) == (1, "zero_grad")
        assert acks[name]["applied"]["knob"] == "skip_zero_grad"
    with capsys.disabled():
        seconds = sorted(one for _, one in came)
        print(f"\na knob until it is answered: {1000 * seconds[4]:.0f} ms in the middle of 8")  # noqa: T201

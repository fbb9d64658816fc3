"""The page's component in a real browser, fed by a trace: everything a person does and meets.

Chromium is Debian's or another that is installed; without one these tests are skipped. Pictures of
the page go to a temporary folder, or to the one that FIVESTEP_PICTURES names: look at them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from node import modules
from player import Message, Player, wait_until
from traces import line

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium here: apt-get install chromium")

ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))
WIDTHS = (320, 768, 1600)
SCHEMES = ("light", "dark")
Open = Callable[..., tuple[Page, Player]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a page on a trace; at the end nothing may have been complained of."""
    complaints: list[str] = []
    players: list[Player] = []

    def open_page(trace: list[Message] | None = None, **context: Any) -> tuple[Page, Player]:
        player = Player(trace or line())
        players.append(player)
        page = browser.new_context(**context).new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda one: one.type == "error" and complaints.append(one.text))
        page.goto(player.address)
        expect(page.locator(".sentence")).not_to_contain_text("Waiting")
        return page, player

    yield open_page
    for context in browser.contexts:
        context.close()
    for player in players:
        if not player.stopping:
            player.close()
    gone = any(player.expected_to_die for player in players)
    assert [one for one in complaints if not (gone and "ERR_" in one)] == []


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def step(page: Page, times: int = 1) -> None:
    for _ in range(times):
        before = where(page)
        button(page, "Step").click()
        expect(page.locator(".where")).not_to_have_text(before)


def where(page: Page) -> str:
    return page.locator(".where").text_content() or ""


def to_the_end(page: Page) -> None:
    button(page, "Epoch").click()
    expect(page.locator(".where")).to_contain_text("ended")


# --- What is seen -----------------------------------------------------------------------------


def test_the_first_sight_says_what_to_do(opened: Open) -> None:
    page, player = opened()
    expect(page.locator(".sentence")).to_contain_text("Press Step to run the first of its five steps")
    expect(page.locator(".where")).to_contain_text("paused")
    expect(page.locator(".where")).to_contain_text("iteration 0")
    assert page.locator(".chip").count() == 5
    assert "line 15" in page.locator(".chip").first.inner_text()  # read from the text of the script
    assert page.locator(".row").count() == 21
    assert player.requests == []  # nothing starts by itself
    assert page.evaluate("document.activeElement.matches('main')")


def test_one_step_lights_its_line_and_fills_its_chip(opened: Open) -> None:
    page, _ = opened()
    for name, line_number in [("forward", 15), ("loss", 16), ("zero_grad", 17), ("backward", 18)]:
        step(page)
        lit = page.locator(".row.lit")
        assert lit.get_attribute("data-line") == str(line_number)
        assert page.locator(".chip[aria-current=step] .name").inner_text() == name
    step(page)
    assert "optimizer = SGD, lr 0.1" in page.locator(".row.lit").inner_text()
    equation = page.locator(".equation tbody").first.inner_text()
    for part in ("weight", "−0.007000", "− 0.1", "× −1.365", "= 0.1295"):
        assert part in equation
    assert page.locator(".chip .time").first.inner_text() == "61 µs"
    assert "Next: forward" in page.locator(".sentence").inner_text()


def test_an_optimizer_of_another_rule_is_not_passed_off_as_the_equation(opened: Open) -> None:
    trace = line(2)
    for message in trace:
        if message.get("step") == "update":
            message["parameters"][0]["after"] = [9.5]
    page, _ = opened(trace)
    step(page, 5)
    rows = page.locator(".equation tbody")
    assert "→ 9.500" in rows.nth(0).inner_text()
    assert "= 0.6288" in rows.nth(1).inner_text()
    expect(page.locator(".remark")).to_contain_text("does not move by rate × gradient alone")


def test_a_step_left_out_says_so(opened: Open) -> None:
    trace = line(2)
    next(one for one in trace if one.get("step") == "zero_grad")["skipped"] = True
    page, _ = opened(trace)
    step(page, 3)
    expect(page.locator(".chip.skipped")).to_contain_text("left out by a knob")
    expect(page.locator(".sentence")).to_contain_text("left out, because a knob says so")


def test_a_loss_that_is_no_number_is_a_marked_gap(opened: Open) -> None:
    page, _ = opened(line(30, nan_at=12))
    to_the_end(page)
    chart = page.get_by_role("img", name="Loss against iteration")
    label = "In 3 it was not a number, first in iteration 12"
    expect(chart).to_have_attribute("aria-label", expected(label))
    count = "c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
    count += "let n = 0; for (let i = 0; i < d.length; i += 4)"
    count += "n += d[i] === 179 && d[i + 1] === 38 && d[i + 2] === 30; return n }"
    wait_until(lambda: page.locator(".plot canvas").evaluate(count) > 100)
    page.get_by_text("The curve in words and numbers").click()
    assert "30\n" in page.locator(".loss table").inner_text().replace("\t", "\n")


def expected(part: str) -> Any:
    import re

    return re.compile(re.escape(part))


def test_a_finding_points_into_the_code_and_the_curve(opened: Open) -> None:
    page, _ = opened(line(12, finding_at=6))
    expect(page.locator(".findings")).to_contain_text("Nothing found so far")
    to_the_end(page)
    button(page, "1 fault found").click()
    assert page.evaluate(active("id")) == "findings-title"
    card = page.get_by_role("article", name="leftover-gradient")
    expect(card).to_contain_text("Do: call optimizer.zero_grad() before loss.backward()")
    button(page, "Line 18").click()
    assert page.locator(".row.marked").get_attribute("data-line") == "18"
    assert page.locator(".row.marked .fault").inner_text() == "1"
    button(page, "Iteration 6").click()
    expect(page.locator(".where")).to_contain_text("replay")
    expect(page.locator(".where")).to_contain_text("iteration 6")


def active(attribute: str) -> str:
    inside = "document.activeElement.shadowRoot?.activeElement"
    return f"{inside}?.{attribute} ?? ''"


def test_the_layers_have_numbers_too(opened: Open) -> None:
    page, _ = opened()
    to_the_end(page)
    strip = page.get_by_role("img", name="Update to weight")
    assert (strip.get_attribute("aria-label") or "").startswith("Update to weight of each layer")
    page.get_by_text("The newest column in numbers").click()
    assert "weight" in page.locator(".layers table").inner_text()


# --- What is done -----------------------------------------------------------------------------


def test_every_control_asks_for_its_verb(opened: Open) -> None:
    page, player = opened()
    for name in ("Play", "Pause", "Step", "Iteration", "Reset"):
        button(page, name).click()
        wait_until(lambda name=name: player.verbs()[-1:] == [name.lower()])
        page.wait_for_timeout(60)
    page.get_by_label("Speed").select_option("50 steps a second")
    wait_until(lambda: player.verbs()[-1] == "speed")
    page.get_by_label("Speed").select_option("unlimited")
    wait_until(lambda: len(player.verbs()) == 7)
    button(page, "Epoch").click()
    wait_until(lambda: len(player.verbs()) == 8)
    assert player.verbs() == [
        "play", "pause", "step", "iteration", "reset", "speed", "speed", "epoch",
    ]  # fmt: skip
    assert [one.get("value") for one in player.requests[5:7]] == [50, None]
    assert len({one["id"] for one in player.requests}) == 8
    expect(button(page, "Step")).to_be_disabled()  # the script has ended
    expect(button(page, "Reset")).to_be_enabled()
    button(page, "Reset").click()
    expect(page.locator(".where")).to_contain_text("iteration 0")
    expect(button(page, "Step")).to_be_enabled()


def test_every_knob_is_sent_and_acknowledged(opened: Open) -> None:
    page, player = opened()
    step(page)
    page.get_by_label("Rate (lr)").fill("0.25")
    page.get_by_label("Rate (lr)").press("Enter")
    expect(page.locator("#knob-lr-answer")).to_have_text("acts since iteration 1, forward")
    page.get_by_label("Rate, logarithmic").press("ArrowRight")
    page.get_by_label("Momentum", exact=True).fill("0.9")
    page.get_by_label("Momentum", exact=True).press("Enter")
    page.get_by_label("Leave zero_grad out").check()
    page.get_by_label("zero_grad's place").select_option("before update")
    page.get_by_label("Clip gradients to norm").fill("1")
    page.get_by_label("Clip gradients to norm").press("Enter")
    expect(page.locator("#knob-clip-answer")).to_contain_text("acts since")
    page.get_by_label("Clip gradients to norm").fill("")
    page.get_by_label("Clip gradients to norm").press("Enter")
    wait_until(lambda: len(player.requests) == 8)
    asked = [(one["name"], one["value"]) for one in player.requests[1:]]
    assert asked == [
        ("lr", 0.25), ("lr", 0.28), ("momentum", 0.9), ("skip_zero_grad", True),
        ("zero_grad_at", "before update"), ("clip", 1), ("clip", None),
    ]  # fmt: skip
    expect(page.locator(".answer:has-text('acts since')")).to_have_count(5)


def test_a_knob_that_is_refused_or_cannot_act_says_why(opened: Open) -> None:
    page, _ = opened()
    expect(page.get_by_label("Model's mode")).to_be_disabled()
    expect(page.locator("#knob-eval_mode-answer")).to_contain_text("no model has been called yet")
    page.get_by_label("Rate (lr)").fill("2000")
    page.get_by_label("Rate (lr)").press("Enter")
    expect(page.locator("#knob-lr-answer")).to_have_text("Refused: lr: from 0 to 1000")
    expect(page.get_by_label("Rate (lr)")).to_have_value("0.1")  # what holds


def test_knobs_follow_what_the_producer_says_of_them_later(opened: Open) -> None:
    page, player = opened()
    knobs = player.trace[0]["knobs"]
    mode = {"value": None, "works": True, "why": ""}
    player.say({"kind": "knobs", "knobs": knobs | {"eval_mode": mode}})
    expect(page.get_by_label("Model's mode")).to_be_enabled()
    page.get_by_label("Model's mode").select_option("eval")
    wait_until(lambda: player.requests[-1:] and player.requests[-1]["value"] is True)


def test_looking_back_is_marked_and_asks_nothing_of_the_loop(opened: Open) -> None:
    page, player = opened()
    step(page, 4)
    count = len(player.requests)
    button(page, "Back").click()
    expect(page.locator(".where")).to_have_text(expected("replay"))
    expect(page.locator(".sentence")).to_contain_text("Looking back: Iteration 1, zero_grad")
    assert page.locator(".row.lit").get_attribute("data-line") == "17"
    button(page, "Forward").click()
    expect(page.locator(".where")).not_to_contain_text("replay")
    button(page, "Back").click()
    button(page, "Back to now").click()
    expect(page.locator(".where")).not_to_contain_text("replay")
    assert len(player.requests) == count


def test_the_chart_follows_until_somebody_zooms(opened: Open) -> None:
    page, _ = opened()
    button(page, "Iteration").click()
    expect(button(page, "Follow")).to_have_count(0)
    button(page, "Zoom in").click()
    button(page, "Follow").click()
    expect(button(page, "Follow")).to_have_count(0)
    box = page.locator(".plot .u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + 50, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 40, steps=3)
    page.mouse.up()
    expect(button(page, "Follow")).to_be_visible()
    button(page, "Log scale").click()
    expect(button(page, "Log scale")).to_have_attribute("aria-pressed", "true")


# --- The keyboard and the screen reader -------------------------------------------------------


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
    page.get_by_label("Rate (lr)").focus()
    page.keyboard.press("s")  # a letter typed into a box is no command
    page.keyboard.press("Control+s")
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
    name = "(() => { const e = document.activeElement.shadowRoot?.activeElement;"
    name += "return e ? e.getAttribute('aria-label') || e.id || e.innerText || e.tagName : 'OUT' })()"
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
        'navigation "The five steps of the loop"', 'columnheader "× gradient"',
        "- status: ",
    ):  # fmt: skip
        assert part in told, f"{part}\n{told}"
    assert page.locator("[aria-live]").count() == 1


def test_the_live_region_speaks_at_most_once_a_second(opened: Open) -> None:
    page, _ = opened()
    page.evaluate("""() => {
        const root = document.querySelector("main").shadowRoot;
        window.spoken = [];
        new MutationObserver(() => window.spoken.push(performance.now()))
            .observe(root.querySelector("[aria-live]"), {childList: true, characterData: true, subtree: true});
    }""")
    for _ in range(12):
        page.keyboard.press("s")
        page.wait_for_timeout(120)
    expect(page.locator("[aria-live]")).to_contain_text("Iteration 3, loss", timeout=5000)
    spoken = page.evaluate("window.spoken")
    assert len(spoken) < 8
    assert all(b - a > 900 for a, b in zip(spoken, spoken[1:], strict=False))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing(opened: Open, scheme: str) -> None:
    axe = (modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    still = {"color_scheme": scheme, "reduced_motion": "reduce"}  # no colour halfway to another
    page, player = opened(line(12, nan_at=4, finding_at=3), **still)
    page.evaluate(axe)
    assert broken(page) == []
    step(page, 5)
    page.keyboard.press("?")
    page.get_by_label("Rate (lr)").fill("2000")
    page.get_by_label("Rate (lr)").press("Enter")
    assert broken(page) == []
    to_the_end(page)
    player.say({"kind": "note", "level": "warning", "text": "a schedule sets the rate, too"})
    button(page, "Back").click()
    for summary in page.locator("summary").all():
        summary.click()
    assert broken(page) == []


def broken(page: Page) -> list[str]:
    found = page.evaluate("axe.run(document)")["violations"]
    return [f"{one['id']}: {node['html'][:200]} {node['failureSummary']}" for one in found for node in one["nodes"]]


# --- Widths, colours, motion ------------------------------------------------------------------


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("FIVESTEP_PICTURES")
    return Path(named) if named else tmp_path_factory.mktemp("pictures")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_width_without_side_scroll(opened: Open, pictures: Path, scheme: str) -> None:
    page, _ = opened(line(30, nan_at=12, finding_at=6), color_scheme=scheme)
    for moment in ("first", "step", "end"):
        if moment == "step":
            step(page, 4)
        if moment == "end":
            to_the_end(page)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(100)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert overflowing(page) == []
            page.screenshot(path=pictures / f"{moment}_{scheme}_{width}.png", full_page=True)


def overflowing(page: Page) -> list[str]:
    """What is wider than its panel, though the page itself does not scroll for it."""
    return page.locator(".root").evaluate("""root => [...root.querySelectorAll(".chip, .panel, .top")]
        .flatMap(box => [...box.querySelectorAll("*")].filter(one => {
            const [inner, outer] = [one.getBoundingClientRect(), box.getBoundingClientRect()];
            const unseen = one.closest(".u-wrap, .unseen");
            return !unseen && inner.width && (inner.right > outer.right + 1 || inner.left < outer.left - 1);
        }).map(one => `${box.className}: ${one.outerHTML.slice(0, 120)}`))""")


@pytest.mark.parametrize(("touch", "least"), [(False, 24), (True, 44)])
def test_targets_are_large_enough(opened: Open, touch: bool, least: int) -> None:
    size = {"width": 360, "height": 800}
    page, _ = opened(line(12, finding_at=3), viewport=size, has_touch=touch, is_mobile=touch)
    to_the_end(page)
    small = page.locator("button, select, input, summary").evaluate_all(
        """(all, least) => all.map(one => [one, one.getBoundingClientRect()])
            .filter(([, box]) => box.height < least || box.width < least)
            .map(([one, box]) => `${one.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)""",
        least,
    )
    assert small == []


def test_reduced_motion_moves_nothing(opened: Open) -> None:
    durations = "[...document.querySelector('main').shadowRoot.querySelectorAll('*')].map(one =>"
    durations += "getComputedStyle(one)).filter(s => s.transitionDuration !== '0s' ||"
    durations += "s.animationName !== 'none').length"
    page, _ = opened(reduced_motion="reduce")
    assert page.evaluate(durations) == 0
    page, _ = opened(reduced_motion="no-preference")
    assert page.evaluate(durations) > 0  # else the line above says nothing


def test_forced_colours_still_show_where_one_is(opened: Open) -> None:
    page, _ = opened(forced_colors="active", reduced_motion="reduce")
    step(page, 2)
    colours = page.locator(".chip").evaluate_all(
        "all => all.map(one => getComputedStyle(one).backgroundColor)"
    )
    assert len(set(colours)) == 2
    assert colours.count(colours[1]) == 1


def test_a_narrow_place_on_a_wide_page(opened: Open) -> None:
    """Container queries: in the cell of a notebook it is the cell's width that counts."""
    page, _ = opened(viewport={"width": 1600, "height": 900})
    page.evaluate("document.querySelector('main').style.width = '340px'")
    page.wait_for_timeout(100)
    left = page.locator(".chip").evaluate_all("all => all.map(one => one.getBoundingClientRect().left)")
    assert len(set(left)) == 1


# --- Reloads, servers that go, other hosts ----------------------------------------------------


def test_a_reload_in_the_middle_loses_nothing(opened: Open) -> None:
    page, _ = opened()
    button(page, "Iteration").click()
    step(page, 2)
    before = where(page), page.locator(".equation").inner_text()
    page.reload()
    expect(page.locator(".where")).to_contain_text("iteration 2")
    expect(page.locator(".where")).to_contain_text("loss")
    assert (where(page), page.locator(".equation").inner_text()) == before


def test_the_server_gone_and_back(opened: Open) -> None:
    page, player = opened()
    step(page, 3)
    picture = page.locator(".equation").inner_text()
    player.expected_to_die = True
    player.close()
    expect(page.get_by_text("Nobody answers.")).to_be_visible()
    assert page.locator(".equation").inner_text() == picture  # frozen, not emptied
    expect(button(page, "Step")).to_be_disabled()
    heir = Player(player.trace, player.port)
    heir.said, heir.next = list(player.said), player.next
    try:
        expect(page.get_by_text("Nobody answers.")).to_have_count(0, timeout=15_000)
        assert heir.streams[0] == len(player.said)  # asks for what it has not heard, no more
        step(page)
        expect(page.locator(".where")).to_contain_text("backward")
    finally:
        page.close()
        heir.close()


def test_a_hidden_tab_lets_its_connection_go(opened: Open) -> None:
    page, player = opened()
    wait_until(lambda: player.open == 1)
    hide = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
    hide += "document.dispatchEvent(new Event('visibilitychange')) }"
    page.evaluate(hide, True)
    wait_until(lambda: player.open == 0)
    player.take({"id": "from elsewhere", "verb": "step"})
    page.evaluate(hide, False)
    expect(page.locator(".where")).to_contain_text("forward")
    assert len(player.streams) == 2
    assert player.streams[1] > 0


def test_a_thinned_stream_is_taken_as_it_comes(opened: Open) -> None:
    page, player = opened()
    step(page)
    last = len(player.said)
    player.say({"kind": "skipped", "from": last + 1, "to": last + 1})
    step(page)
    expect(page.locator(".where")).to_contain_text("loss")


@pytest.mark.parametrize("name", ["by hand", *(path.stem for path in GOLDEN)])
def test_a_recorded_run_is_stepped_through(opened: Open, name: str) -> None:
    trace = line(6) if name == "by hand" else read(name)
    page, player = opened()
    page.route("**/recorded", lambda route: route.fulfill(body=recorded(trace), content_type="text/html"))
    page.goto(f"{player.address}recorded")
    expect(page.locator(".where")).to_contain_text("replay")
    kinds = [(one["iteration"], one["step"]) for one in trace if one["kind"] == "moment"]
    for iteration, one in kinds[:12]:
        button(page, "Step").click()
        expect(page.locator(".where")).to_contain_text(f"iteration {iteration} · {one}")
    expect(page.get_by_label("Rate (lr)")).to_be_disabled()
    page.get_by_label("Speed").select_option("unlimited")
    button(page, "Play").click()
    expect(page.locator(".where")).to_contain_text("ended")
    last = max(one["iteration"] for one in trace if one["kind"] == "iteration")
    expect(page.locator(".where")).to_contain_text(f"iteration {last}")
    button(page, "Reset").click()
    expect(page.locator(".where")).to_contain_text("iteration 0")


def read(name: str) -> list[Message]:
    path = next(path for path in GOLDEN if path.stem == name)
    return [json.loads(one) for one in path.read_text(encoding="utf-8").splitlines()]


def recorded(trace: list[Message]) -> str:
    text = "\n".join(json.dumps(one).replace("<", "\\u003c") for one in trace)
    return f"""<!doctype html><html lang="en"><title>x</title>
        <main data-fivestep-host="replay" data-fivestep-record="record"></main>
        <script type="application/jsonl" id="record">{text}</script>
        <script type="module" src="/component.js"></script></html>"""


def test_a_notebooks_widget_is_a_host(opened: Open) -> None:
    page, _ = opened()
    page.evaluate(
        """async messages => {
            const {default: component} = await import("/component.js");
            const el = document.body.appendChild(document.createElement("div"));
            const heard = [];
            window.sent = [];
            const model = {
                get: name => name === "messages" ? messages.slice(0, 2) : "live",
                on: (_, hear) => heard.push(hear), off: () => { heard.length = 0 },
                send: request => window.sent.push(request),
            };
            window.leave = component.render({model, el});
            window.tell = message => heard.forEach(hear => hear(message));
            el.id = "widget";
        }""",
        line(2),
    )
    widget = page.locator("#widget")
    expect(widget.locator(".script")).to_have_text("train.py")
    widget.get_by_role("button", name="Step", exact=True).click()
    assert page.evaluate("window.sent[0].verb") == "step"
    for message in line(2)[2:5]:
        page.evaluate("message => window.tell(message)", message)
    expect(widget.locator(".where")).to_contain_text("iteration 1")
    page.evaluate("window.leave()")
    assert widget.locator(".root").count() == 0

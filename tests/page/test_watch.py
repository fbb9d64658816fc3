"""The live view: what it shows of one training and of several, and what can be saved of it."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
import struct
import subprocess
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
from conftest import Open
from node import modules
from player import Message, Player, wait_until
from playwright.sync_api import Browser, Page, expect
from test_component_looks import overflowing
from test_component_reach import broken
from traces import line, watched
from window import active, button, to_the_end

from fivestep.live.export import export

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
CHARTS = ("Loss", "Validation accuracy", "Gradient norm", "Learning rate", "Throughput",
          "Time by step", "Layers")  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


def opened_on(opened: Open, trace: list[Message], **context: Any) -> tuple[Page, Player]:
    """A page that has heard all of a trace."""
    page, player = opened(trace[:1], **context)
    player.trace = trace
    with player._news:  # pyright: ignore[reportPrivateUsage]
        player.advance()
        heard = str(len(player.said))
    expect(page.locator("main")).to_have_attribute("data-heard", heard)
    expect(page.locator(".watch")).to_be_visible()
    return page, player


def chart(page: Page, title: str) -> Any:
    return page.get_by_role("img", name=f"{title} against iteration")


def test_the_first_sight_says_where_it_stands(opened: Open) -> None:
    page, player = opened_on(opened, watched(37, ends=False))
    expect(page.locator(".sentence")).to_contain_text("Iteration 37 is done; the loss is 0.")
    expect(page.locator(".where")).to_contain_text("running iteration 37 of 120 · epoch 4")
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "37")
    for title in CHARTS:
        expect(chart(page, title)).to_have_count(1)
    assert page.locator(".findings").count() == 0  # nothing found: nothing in the way
    assert page.locator(".chips, .knob").count() == 0
    assert player.requests == []


def test_it_follows_until_somebody_zooms(opened: Open) -> None:
    page, player = opened_on(opened, watched(60, ends=False))
    loss = chart(page, "Loss")
    expect(loss).to_have_attribute("data-shown", "1 to 60")
    more = watched(80, ends=False)
    for one in more:
        if one.get("iteration", 0) > 60 and one["kind"] != "hello":
            player.say(one)
    expect(loss).to_have_attribute("data-shown", "1 to 80")
    box = loss.bounding_box()
    assert box
    page.mouse.move(box["x"] + 150, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 60, steps=4)
    page.mouse.up()
    expect(button(page, "Follow")).to_be_visible()
    zoomed = loss.get_attribute("data-shown")
    assert zoomed is not None
    assert zoomed != "1 to 80"
    assert chart(page, "Gradient norm").get_attribute("data-shown") == zoomed  # all of them
    player.say(watched(90, ends=False)[-2] | {"kind": "iteration", "iteration": 90})
    expect(page.locator(".where")).to_contain_text("iteration 90")
    assert loss.get_attribute("data-shown") == zoomed
    button(page, "Follow").click()
    expect(loss).to_have_attribute("data-shown", "1 to 90")


@pytest.mark.parametrize(
    "ticks", [[0, 0.25, 0.5, 0.75, 1], [1, 2, 3], [0.001, 0.0015], [-5e4, 0, 5e4],
              [0, 2.5e13, 5e13], [1e-9, 2e-9]],
)  # fmt: skip
def test_a_tick_is_called_by_its_own_value(ticks: list[float]) -> None:
    esbuild = modules() / "esbuild" / "bin" / "esbuild"
    source = Path(__file__).resolve().parents[2] / "page" / "src" / "watch" / "ticks.ts"
    built = subprocess.run(
        [esbuild, source, "--format=esm"], check=True, capture_output=True, text=True, timeout=60
    )
    program = f"{built.stdout};console.log(JSON.stringify(labels({json.dumps(ticks)})))"
    node = shutil.which("node")
    assert node
    done = subprocess.run(
        [node, "--input-type=module", "-e", program], check=True, capture_output=True, timeout=60
    )
    found: list[str] = json.loads(done.stdout)
    assert [float(one) for one in found] == ticks
    assert all(len(one) <= 7 for one in found)


def test_zoom_and_log_scale_by_button(opened: Open) -> None:
    page, _ = opened_on(opened, watched(100))
    loss = chart(page, "Loss")
    button(page, "Zoom in").click()
    expect(loss).to_have_attribute("data-shown", "50.5 to 100")
    button(page, "Earlier").click()
    expect(loss).to_have_attribute("data-shown", "25.75 to 75.25")
    button(page, "Zoom out").click()
    expect(loss).to_have_attribute("data-shown", "1 to 100")
    before = page.locator(".chart.loss canvas").screenshot()
    button(page, "Log scale").click()
    expect(button(page, "Log scale")).to_have_attribute("aria-pressed", "true")
    wait_until(lambda: page.locator(".chart.loss canvas").screenshot() != before)


def test_a_finding_is_lit_on_the_curves(opened: Open) -> None:
    page, _ = opened_on(opened, watched(80, finding_at=33))
    expect(page.locator(".findings")).to_contain_text("leftover-gradient")
    expect(page.locator(".findings")).to_contain_text("train.py, line 18")
    light = button(page, "Show iteration 33 on the curves")
    page.wait_for_timeout(300)
    before = page.locator(".chart.loss canvas").screenshot()
    light.click()
    expect(light).to_have_attribute("aria-pressed", "true")
    wait_until(lambda: page.locator(".chart.loss canvas").screenshot() != before)
    light.click()
    expect(light).to_have_attribute("aria-pressed", "false")


def test_the_last_report_takes_back_what_was_said_too_early(opened: Open) -> None:
    trace = watched(30, finding_at=9)
    page, player = opened_on(opened, trace[:-1])
    expect(page.locator(".findings")).to_have_count(1)
    player.say(trace[-1] | {"findings": [["another-rule", "train.py", 3]]})
    expect(page.locator(".where")).to_contain_text("finished")
    expect(page.locator(".findings")).to_have_count(0)


def test_layers_stand_in_the_order_of_their_trouble(opened: Open) -> None:
    page, _ = opened_on(opened, watched(80))
    names = page.locator(".heat .strip li").all_inner_texts()
    assert names[0] == "encoder.frozen"  # never moves
    assert names[1] == "head.bias"  # a millionth
    assert names[-1] != "head.bias"


CLEAR = """(one, rows) => {
    const {width, height} = one;
    const all = one.getContext('2d').getImageData(0, 0, width, height).data;
    const clear = y => all[4 * (y * width + (width >> 1)) + 3] === 0;
    return rows.map(clear);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_not_known_is_framed_and_no_colour_of_the_scale(
    opened: Open, pictures: Path, scheme: Any
) -> None:
    page, _ = opened_on(opened, watched(80), color_scheme=scheme)
    expect(page.locator(".heat .legend")).to_contain_text("no update, or not known")
    strip = page.locator(".heat .strip canvas")
    wait_until(lambda: strip.evaluate(CLEAR, [0, 1, 12, 13]) == [False, True, True, False])
    swatch = page.locator(".heat .unknown").evaluate(
        "one => [getComputedStyle(one).backgroundColor, getComputedStyle(one).borderTopWidth]"
    )
    assert swatch == ["rgba(0, 0, 0, 0)", "1px"]
    page.locator(".heat").screenshot(path=pictures / f"heat_{scheme}.png")


def test_the_same_holds_for_the_layers_of_a_loop_that_is_stepped(opened: Open) -> None:
    trace = line(40)
    for one in trace:
        if one["kind"] == "iteration":
            one["layers"][0][1] = None
    page, _ = opened(trace)
    to_the_end(page)
    strip = page.locator(".layers canvas")
    wait_until(lambda: strip.evaluate(CLEAR, [0, 1, 14, 15]) == [False, True, True, False])
    expect(page.locator(".layers .unknown")).to_be_visible()


def test_the_silence_of_a_killed_training(opened: Open) -> None:
    page, player = opened_on(opened, watched(40, ends=False))
    expect(page.locator(".where")).to_contain_text("running")
    silent = {"kind": "silence", "dead": True, "iteration": 40, "seconds": 3, "of": 0}
    player.say(silent)
    expect(page.locator(".where")).to_contain_text("stopped without a word")
    expect(page.locator(".sentence")).to_contain_text("stopped without a word at iteration 40")
    expect(page.locator(".banner")).to_contain_text("killed, or out of memory")
    player.say(silent | {"dead": False, "seconds": 700})
    expect(page.locator(".banner")).to_contain_text("Nothing heard for 700 s.")
    player.say(silent | {"dead": False, "over": True})
    expect(page.locator(".where")).to_contain_text("running")


def test_a_reload_in_the_middle_loses_nothing(opened: Open) -> None:
    page, _ = opened_on(opened, watched(50, ends=False))
    expect(page.locator(".where")).to_contain_text("iteration 50")
    page.locator(".chart.loss summary").click()
    before = page.locator(".chart.loss").inner_text()
    page.reload()
    expect(page.locator(".where")).to_contain_text("iteration 50")
    page.locator(".chart.loss summary").click()
    assert page.locator(".chart.loss").inner_text() == before


# --- Several ------------------------------------------------------------------------------------


def test_three_runs_beside_each_other(opened: Open) -> None:
    page, _ = opened_on(opened, watched(runs=3))
    expect(page.locator(".sentence")).to_contain_text("3 runs beside each other")
    results = page.get_by_role("region", name="Last and best")
    expect(results.locator("tbody tr")).to_have_count(3)
    for place, row in enumerate(results.locator("tbody tr").all()):
        entries = [one for one in watched(runs=3) if one["kind"] == "entry" and one["of"] == place]
        assert f"{entries[-1]['validation_loss']:#.4g} at 120" in row.inner_text()
        assert f"{entries[-1]['validation_accuracy']:#.4g} at 120" in row.inner_text()
    differs = page.get_by_role("region", name="What differs")
    assert [one.split("\t")[0] for one in differs.locator("tbody tr").all_inner_texts()] == [
        "learning rate"
    ]
    expect(differs.locator("tbody td")).to_have_text(["0.01", "0.03", "0.09"])
    dashes = page.locator(".runs line").evaluate_all(
        "all => all.map(one => one.getAttribute('stroke-dasharray'))"
    )
    inks = page.locator(".runs svg").evaluate_all(
        "all => all.map(one => getComputedStyle(one).color)"
    )
    assert len(set(dashes)) == len(set(inks)) == 3  # colour never alone
    loss = page.locator(".chart.loss canvas")
    page.wait_for_timeout(300)
    before = loss.screenshot()
    second = page.get_by_role("checkbox", name="20260102-030401-17")
    second.uncheck()
    expect(results.locator("tbody tr")).to_have_count(2)
    wait_until(lambda: loss.screenshot() != before)
    name = chart(page, "Training loss").get_attribute("aria-label")
    assert name is not None
    assert "by-hand-1" in name
    assert "030401" not in name
    second.check()
    expect(results.locator("tbody tr")).to_have_count(3)


def test_what_stands_in_the_tables_and_charts_of_several_is_named(opened: Open) -> None:
    trace = watched(runs=2)
    for one in trace:
        if one["kind"] == "hello":
            options = [{"lr": 0.1}, {"lr": 0.1, "weight_decay": 0.1 * one["of"]}]
            versions = {"torch": f"2.{one['of']}"}
            one["setup"] = one["setup"] | {"optimizer_options": options, "versions": versions}
    page, _ = opened_on(opened, trace)
    heads = page.get_by_role("region", name="Last and best").locator("th[scope=col]")
    expect(heads.filter(has_text="Loss, mean of the epoch, last")).to_have_count(1)
    expect(page.locator(".chart.loss .title")).to_have_text("Training loss" + "mean of an item")
    differs = page.get_by_role("region", name="What differs").locator("tbody th")
    expect(differs).to_have_text(["weight decay, group 2", "version of torch"])


def test_of_several_one_that_is_left_alone_shows_its_time_and_layers(opened: Open) -> None:
    page, _ = opened_on(opened, watched(60, runs=2))
    expect(page.locator(".charts")).to_contain_text("are shown for one run alone")
    expect(page.locator(".heat, .chart.time")).to_have_count(0)
    page.locator(".runs input").first.uncheck()
    expect(page.locator(".heat")).to_have_count(1)
    expect(page.locator(".chart.time")).to_have_count(1)
    expect(page.locator(".charts")).not_to_contain_text("for one run alone")
    page.locator(".runs input").first.check()
    expect(page.locator(".heat, .chart.time")).to_have_count(0)


def test_no_run_may_be_shown_at_all(opened: Open) -> None:
    page, _ = opened_on(opened, watched(20, runs=2))
    expect(page.locator(".runs input")).to_have_count(2)
    for box in page.locator(".runs input").all():
        box.uncheck()
    expect(page.locator(".chart")).to_have_count(0)
    page.locator(".runs input").first.check()
    expect(page.locator(".chart.loss")).to_have_count(1)


# --- Runs that begin meanwhile --------------------------------------------------------------------


def test_a_directory_without_a_run_is_waited_at(opened: Open) -> None:
    page, player = opened_on(opened, watched(runs=0))
    expect(page.locator(".sentence")).to_contain_text("No run has begun in runs yet")
    expect(page.locator(".where")).to_have_text("waiting")
    expect(page.locator("[aria-live]")).to_contain_text("No run has begun in runs yet")
    for one in watched(12, ends=False):
        player.say(one | {"seq": one["seq"] + 1})
    expect(page.locator(".sentence")).to_contain_text("Iteration 12 is done")
    expect(chart(page, "Loss")).to_have_count(1)


def test_a_later_run_is_offered_and_shown_when_asked_for(opened: Open) -> None:
    told = watched(40, runs=2, later=True, ends=False)
    watching = [one for one in told if one["of"] == 0]
    page, player = opened_on(opened, watching)
    expect(page.locator(".where")).to_contain_text("by-hand-1")
    expect(page.locator(".banner.later")).to_have_count(0)
    button(page, "Zoom in").click()
    for one in told:
        if one["of"] == 1:
            player.say(one)
    banner = page.locator(".banner.later")
    expect(banner).to_contain_text("A later run has begun: 20260102-030401-17.")
    expect(page.locator("[aria-live]")).to_contain_text("A later run has begun")
    expect(page.locator(".where")).to_contain_text("by-hand-1")  # it waits to be asked for
    expect(page.locator(".runs input")).to_have_count(0)
    expect(button(page, "Follow")).to_be_visible()
    link = page.get_by_role("link", name="Save as one file")
    assert link.count() == 0 or link.get_attribute("href") == "/run.html?of=0"
    button(page, "Show it").press("Enter")
    expect(page.locator(".where")).to_contain_text("20260102-030401-17")
    expect(button(page, "Follow")).to_have_count(0)  # it is another run: it is followed
    rates = page.get_by_role("region", name="Settings")
    rates.locator("summary").click()
    expect(rates).to_contain_text("0.03")
    button(page, "Back to what was watched before").press("Enter")
    expect(page.locator(".where")).to_contain_text("by-hand-1")
    expect(button(page, "Show it")).to_be_visible()


def test_a_run_that_went_on_says_where(opened: Open) -> None:
    trace = watched(80, ends=False, resumed_at=30)
    place = next(i for i, one in enumerate(trace) if one["kind"] == "resumed")
    silence = {"v": 1, "seq": trace[place]["seq"], "kind": "silence", "dead": True,
               "iteration": 30, "seconds": 9, "of": 0}  # fmt: skip
    page, player = opened_on(opened, [*trace[:place], silence])
    expect(page.locator(".where")).to_contain_text("stopped without a word")
    for one in trace[place:]:
        player.say(one | {"seq": one["seq"] + 1})
    expect(page.locator(".where")).to_contain_text("running")
    expect(page.locator(".banner")).to_have_count(0)


# --- Saved ----------------------------------------------------------------------------------------


def saved(page: Page, title: str, kind: str) -> bytes:
    section = page.get_by_role("region", name=title, exact=True)
    if section.locator("details[open]").count() == 0:
        section.locator("summary").click()
    with page.expect_download() as waiting:
        button(page, f"Save {title} as {kind}").click()
    return Path(waiting.value.path()).read_bytes()


@pytest.mark.parametrize("title", CHARTS)
def test_every_chart_as_a_file(opened: Open, title: str) -> None:
    page, _ = opened_on(opened, watched(100, nan_at=50))
    page.wait_for_timeout(300)
    png = saved(page, title, "PNG")
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    assert width > 200
    assert height > 80
    drawn = ET.fromstring(saved(page, title, "SVG"))
    assert drawn.findtext(f"{SVG}title") == title
    assert len(drawn.findtext(f"{SVG}desc") or "") > 30
    assert drawn.findall(f".//{SVG}image") == []  # really drawn
    assert len(drawn.findall(f".//{SVG}path")) + len(drawn.findall(f".//{SVG}rect")) > 2
    assert "NaN" not in ET.tostring(drawn, encoding="unicode").replace(">NaN<", "")
    rows = list(csv.reader(io.StringIO(saved(page, title, "CSV").decode())))
    assert rows[0][0] == "iteration"
    assert len(rows) > 10
    assert all(len(row) == len(rows[0]) for row in rows)


def test_the_csv_has_every_digit_of_what_is_shown(opened: Open) -> None:
    trace = watched(100, nan_at=50)
    page, _ = opened_on(opened, trace)
    rows = list(csv.DictReader(io.StringIO(saved(page, "Loss", "CSV").decode())))
    points = {one["iteration"]: one["loss"] for one in trace if one["kind"] == "iteration"}
    held = {one["iteration"]: one["validation_loss"] for one in trace if one["kind"] == "entry"}
    assert {int(row["iteration"]) for row in rows} == set(points)
    for row in rows:
        at = int(row["iteration"])
        if at == 50:
            assert row["training"] == "NaN"
        else:
            assert float(row["training"]) == points[at]
        assert row["validation"] == "" if at not in held else float(row["validation"]) == held[at]
    button(page, "Zoom in").click()
    expect(chart(page, "Loss")).to_have_attribute("data-shown", "50.5 to 100")
    rows = list(csv.DictReader(io.StringIO(saved(page, "Loss", "CSV").decode())))
    assert min(int(row["iteration"]) for row in rows) == 51
    shares = list(csv.DictReader(io.StringIO(saved(page, "Time by step", "CSV").decode())))
    for row in shares:
        parts = [float(value) for name, value in row.items() if name != "iteration"]
        assert math.isclose(sum(parts), 1, rel_tol=1e-9)


def test_the_svg_is_what_is_shown(opened: Open) -> None:
    page, _ = opened_on(opened, watched(100))
    drawn = ET.fromstring(saved(page, "Gradient norm", "SVG"))
    (curve,) = [one for one in drawn.findall(f".//{SVG}path") if one.get("fill") == "none"]
    points = re.findall(r"[ML]([\d.]+) ([\d.]+)", curve.get("d") or "")
    assert len(points) == 100
    heights = [float(y) for _, y in points]
    losses = [one["gradient_norm"] for one in watched(100) if one["kind"] == "iteration"]
    assert heights.index(min(heights)) == losses.index(max(losses))  # y runs downward
    assert [float(x) for x, _ in points] == sorted(float(x) for x, _ in points)
    texts = [one.text for one in drawn.findall(f".//{SVG}text")]
    assert "iteration" in texts
    beside = [one for one in drawn.findall(f".//{SVG}text") if one.get("text-anchor") == "end"]
    ticks = [
        (float(one.get("y") or 0), float(one.text or 0))
        for one in beside
        if one.text != "iteration"
    ]
    assert len(ticks) >= 4
    slopes = [(b - d) / (a - c) for (a, b), (c, d) in pairwise(ticks)]
    assert slopes == pytest.approx([slopes[0]] * len(slopes), rel=0.02)  # none is rounded away
    assert "Gradient norm" in texts


@pytest.mark.parametrize("runs", [1, 3])
def test_an_exported_page_from_the_disk(
    browser: Browser, tmp_path: Path, runs: int, pictures: Path
) -> None:
    journals: list[Path] = []
    for place in range(runs):
        journal = tmp_path / f"run{place}.jsonl"
        told = [one for one in watched(runs=runs, finding_at=20) if one["of"] == place]
        film = tmp_path / f"run{place}.page.jsonl"
        film.write_text("".join(json.dumps(one) + "\n" for one in told))
        journals.append(journal)
    target = tmp_path / "run.html"
    target.write_bytes(export(journals))
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda one: said.append(one.text))
    page.on("pageerror", lambda one: said.append(str(one)))
    page.on("request", lambda one: asked.append(one.url))
    page.goto(target.as_uri())
    expect(page.locator(".sentence")).to_contain_text("finished" if runs == 1 else "3 runs")
    page.wait_for_timeout(500)
    title = "Loss" if runs == 1 else "Training loss"
    assert len(saved(page, title, "CSV").splitlines()) == 121
    assert saved(page, title, "PNG")[:4] == b"\x89PNG"
    assert page.get_by_text("Save as one file").count() == 0  # this is it
    assert page.get_by_text("Nobody answers").count() == 0
    page.screenshot(path=pictures / f"export_{runs}.png", full_page=True)
    assert said == []
    assert [one for one in asked if not one.startswith(("data:", "blob:"))] == [target.as_uri()]
    context.close()


def test_a_record_of_step_from_the_disk(browser: Browser, tmp_path: Path) -> None:
    golden = Path(__file__).parent / "golden" / "line.jsonl"
    target = tmp_path / "step.html"
    target.write_bytes(export([golden]))
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text))
    page.on("pageerror", lambda one: said.append(str(one)))
    page.goto(target.as_uri())
    button(page, "Step").click()
    expect(page.locator(".where")).to_contain_text("iteration 1 · forward")
    assert said == []
    context.close()


# --- For everybody --------------------------------------------------------------------------------

VIEWS: dict[str, dict[str, Any]] = {
    "one": {"finding_at": 33, "nan_at": 60},
    "running": {"iterations": 37, "ends": False},
    "first": {"iterations": 0, "ends": False},
    "three": {"runs": 3},
    "waiting": {"runs": 0},
    "later": {"runs": 2, "later": True, "resumed_at": 66},
}


def outside(page: Page) -> list[str]:
    """What stands out at the side, but for tables, which scroll by themselves."""
    inside = re.compile(r"<(table|t[hdr]|svg|line|thead|tbody|bdi)\b")
    return [one for one in overflowing(page) if not inside.match(one)]


@pytest.mark.parametrize("view", VIEWS)
def test_every_width_without_side_scroll(opened: Open, view: str, pictures: Path) -> None:
    page, _ = opened_on(opened, watched(**VIEWS[view]), reduced_motion="reduce")
    for width in (320, 768, 1100, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        wait_until(lambda: outside(page) == [])
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.wait_for_timeout(50)
            name = f"watch_{view}_{scheme}_{width}.png"
            page.screenshot(path=pictures / name, full_page=True)


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_in_light_and_in_dark(opened: Open, view: str) -> None:
    axe = (modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    page, player = opened_on(opened, watched(**VIEWS[view]), reduced_motion="reduce")
    page.evaluate(axe)
    for summary in page.locator("summary").all():
        summary.click()
    if view == "running":
        player.say({"kind": "silence", "dead": True, "iteration": 37, "seconds": 3, "of": 0})
        expect(page.locator(".banner")).to_be_visible()
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert broken(page) == []


def test_by_keyboard_alone(opened: Open) -> None:
    page, _ = opened_on(opened, watched(80, finding_at=20))
    page.evaluate("document.body.append(document.createElement('button'))")
    page.locator(".root").focus()
    name = "(() => { const one = document.activeElement.shadowRoot?.activeElement;"
    name += "return one ? one.getAttribute('aria-label') || one.innerText : 'OUT' })()"
    seen: list[str] = []
    while "OUT" not in seen and len(seen) < 60:
        page.keyboard.press("Tab")
        seen.append(page.evaluate(name).split("\n")[0])
        if seen[-1] != "OUT":
            assert page.evaluate(active("matches(':focus-visible')")) is True, seen[-1]
        if seen[-1] == "Zoom in":
            page.keyboard.press("Enter")
        if seen[-1] == "Loss: numbers and files":
            page.keyboard.press("Enter")
    assert seen[-1] == "OUT"
    wanted = {"Log scale", "Zoom in", "Zoom out", "Follow", "Save as one file", "Loss in numbers"}
    wanted |= {"Show iteration 20 on the curves", "Save Loss as SVG", "Layers: numbers and files"}
    assert wanted <= set(seen), wanted - set(seen)
    expect(button(page, "Follow")).to_be_visible()


def test_what_a_screen_reader_is_told(opened: Open) -> None:
    page, _ = opened_on(opened, watched(80, finding_at=20, ends=False))
    expect(page.locator("[aria-live]")).to_contain_text("running, 1 findings")
    told = page.locator(".root").aria_snapshot()
    for part in (
        'heading "fivestep train.py" [level=1]', 'heading "Loss" [level=2]',
        'img "Loss against iteration. training: last ', 'toolbar "All charts"',
        'progressbar "Iterations done"', 'heading "The doctor found a fault" [level=2]',
        'img "Layers against iteration. Update to weight', 'article "1: leftover-gradient"',
    ):  # fmt: skip
        assert part in told, f"{part}\n{told}"
    assert page.locator("[aria-live]").count() == 1


@pytest.mark.parametrize(("touch", "least"), [(False, 24), (True, 44)])
def test_targets_are_large_enough(opened: Open, touch: bool, least: int) -> None:
    size = {"width": 360, "height": 800}
    for view in ("one", "three"):
        page, _ = opened_on(
            opened, watched(**VIEWS[view]), viewport=size, has_touch=touch, is_mobile=touch
        )
        for summary in page.locator("summary").all():
            summary.click()
        small = page.locator("button, select, a, label:has(input), summary").evaluate_all(
            """(all, least) => all.map(one => [one, one.getBoundingClientRect()])
                .filter(([, box]) => box.height < least || box.width < least)
                .map(([one, box]) => `${one.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)""",
            least,
        )
        assert small == []


def test_nothing_moves_and_forced_colours_show(opened: Open, pictures: Path) -> None:
    page, _ = opened_on(opened, watched(runs=3), reduced_motion="reduce", forced_colors="active")
    moving = "[...document.querySelector('main').shadowRoot.querySelectorAll('*')].filter(one =>"
    moving += "getComputedStyle(one).transitionDuration !== '0s' || "
    moving += "getComputedStyle(one).animationName !== 'none').length"
    assert page.evaluate(moving) == 0
    page.wait_for_timeout(300)
    page.screenshot(path=pictures / "watch_forced.png", full_page=True)


def test_a_note_of_what_could_not_be_read_is_shown(opened: Open) -> None:
    page, player = opened_on(opened, watched(40))
    player.say({"kind": "note", "of": 0, "level": "warning", "text": "a.jsonl, line 3 is damaged"})
    expect(page.locator(".banner")).to_have_text("a.jsonl, line 3 is damaged")


def test_a_hidden_tab_lets_its_connection_go(opened: Open) -> None:
    page, player = opened_on(opened, watched(40, ends=False))
    wait_until(lambda: player.open == 1)
    hide = """value => {
        Object.defineProperty(document, "hidden", {value, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    wait_until(lambda: player.open == 0)
    for one in watched(60, ends=False):
        if one["kind"] != "hello" and one["iteration"] > 40:
            player.say(one)
    page.evaluate(hide, False)
    expect(page.locator(".where")).to_contain_text("iteration 60")

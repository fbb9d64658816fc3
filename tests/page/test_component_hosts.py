"""Reloads, servers that go, records, notebooks: whatever stands behind the component."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Open
from player import Message, Player, wait_until
from playwright.sync_api import Page, expect
from traces import line
from window import button, step, where

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))


def test_a_reload_in_the_middle_loses_nothing(opened: Open) -> None:
    page, _ = opened()
    button(page, "Iteration").click()
    expect(page.locator(".where")).to_contain_text("update")
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
        expect(page.get_by_text("Nobody answers.")).to_have_count(0)
        assert heir.streams[0] == len(player.said)  # asks for what it has not heard, no more
        step(page)
        expect(page.locator(".where")).to_contain_text("backward")
    finally:
        page.close()
        heir.close()


def test_a_hidden_tab_lets_its_connection_go(opened: Open) -> None:
    page, player = opened()
    wait_until(lambda: player.open == 1)
    hide = """value => {
        Object.defineProperty(document, "hidden", {value, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
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


def test_a_server_started_anew_is_shown_anew(opened: Open) -> None:
    page, player = opened()
    step(page, 4)
    player.expected_to_die = True
    player.close()
    expect(page.get_by_text("Nobody answers.")).to_be_visible()
    heir = Player(player.trace, player.port)
    try:
        expect(page.locator(".where")).to_contain_text("iteration 0")
        step(page)
        expect(page.locator(".where")).to_contain_text("forward")
    finally:
        page.close()
        heir.close()


def test_a_served_record_is_played_in_the_page(opened: Open) -> None:
    trace = line(4)
    page, player = opened([trace[0] | {"mode": "replay"}, *trace[1:]])
    for message in trace[1:]:
        player.say(message)
    page.keyboard.press("s")
    page.keyboard.press("s")
    expect(page.locator(".where")).to_contain_text("iteration 1 · loss")
    page.keyboard.press("n")
    expect(page.locator(".where")).to_contain_text("iteration 1 · update")
    expect(page.get_by_text("This is a recording")).to_be_visible()
    assert player.requests == []


def test_what_is_asked_of_a_record_before_it_has_come_in_is_not_lost(opened: Open) -> None:
    trace = line(4)
    page, player = opened([trace[0] | {"mode": "replay"}, *trace[1:]])
    for _ in range(3):
        page.keyboard.press("s")
    page.wait_for_timeout(100)
    for message in trace[1:]:
        player.say(message)
    expect(page.locator(".where")).to_contain_text("iteration 1 · zero_grad")


def test_a_request_that_the_server_turns_away_is_told(opened: Open) -> None:
    page, _ = opened()
    refusal = {"refused": "too many requests wait"}
    page.route("**/request", lambda route: route.fulfill(status=503, json=refusal))
    button(page, "Step").click()
    expect(page.get_by_text("Refused: too many requests wait")).to_be_visible()


@pytest.mark.parametrize("name", ["by hand", *(path.stem for path in GOLDEN)])
def test_a_recorded_run_is_stepped_through(opened: Open, name: str) -> None:
    trace = line(6) if name == "by hand" else read(name)
    page, player = opened()
    html = recorded(trace)
    page.route("**/recorded", lambda route: route.fulfill(body=html, content_type="text/html"))
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


def test_a_record_of_several_runs_stops_between_them(opened: Open) -> None:
    again = [one | {"seq": one["seq"] + 100, "run": "the second"} for one in line(2)]
    reset = {"v": 1, "seq": 99, "kind": "end", "reason": "reset", "message": ""}
    page, player = opened()
    html = recorded([*line(3)[:-1], reset, *again])
    page.route("**/recorded", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(f"{player.address}recorded")
    page.get_by_label("Speed").select_option("unlimited")
    button(page, "Play").click()
    expect(page.locator(".where")).to_contain_text("paused iteration 3 · update")
    button(page, "Step").click()
    expect(page.locator(".where")).to_contain_text("iteration 0")
    button(page, "Step").click()
    expect(page.locator(".where")).to_contain_text("iteration 1 · forward")
    button(page, "Play").click()
    expect(page.locator(".where")).to_contain_text("ended iteration 2")


def read(name: str) -> list[Message]:
    path = next(path for path in GOLDEN if path.stem == name)
    return [json.loads(one) for one in path.read_text(encoding="utf-8").splitlines()]


def recorded(trace: list[Message]) -> str:
    text = "\n".join(json.dumps(one).replace("<", "\\u003c") for one in trace)
    return f"""<!doctype html><html lang="en"><title>x</title>
        <main data-fivestep-host="replay" data-fivestep-record="record"></main>
        <script type="application/jsonl" id="record">{text}</script>
        <script type="module" src="/component.js"></script></html>"""


def in_a_notebook(page: Page, trace: list[Message]) -> None:
    page.evaluate(
        """async messages => {
            const {default: component} = await import("/component.js");
            const el = document.body.appendChild(document.createElement("div"));
            const heard = [];
            window.sent = [];
            const text = some => some.map(one => JSON.stringify(one)).join("\\n");
            const model = {
                get: name => name === "record" ? text(messages.slice(0, 2)) : "live",
                on: (_, hear) => heard.push(hear), off: () => { heard.length = 0 },
                send: request => window.sent.push(request),
            };
            window.leave = component.render({model, el});
            window.tell = (...some) => heard.forEach(hear =>
                hear({after: some[0].seq - 1, lines: text(some)}));
            el.id = "widget";
        }""",
        trace,
    )


def test_a_notebooks_widget_is_a_host(opened: Open) -> None:
    page, _ = opened()
    in_a_notebook(page, line(2))
    widget = page.locator("#widget")
    expect(widget.locator(".script")).to_have_text("train.py")
    widget.get_by_role("button", name="Step", exact=True).click()
    assert page.evaluate("window.sent.map(one => one.verb ?? one)") == [{"since": 2}, "step"]
    for message in line(2)[2:5]:
        page.evaluate("message => window.tell(message)", message)
    expect(widget.locator(".where")).to_contain_text("iteration 1")
    page.evaluate("message => { window.tell(message); window.leave() }", line(2)[5])
    page.wait_for_timeout(100)  # a drawing that was asked for before does not bring it back
    assert widget.locator(".root").count() == 0


def test_a_widget_asks_for_what_it_missed_and_shows_it_in_order(opened: Open) -> None:
    page, _ = opened()
    trace = line(3)
    in_a_notebook(page, trace)
    where = page.locator("#widget .where")
    page.evaluate("([late, some]) => { window.tell(late); window.tell(...some) }",
                  [trace[9], trace[2:9]])  # fmt: skip
    expect(where).to_contain_text(f"{trace[9]['iteration']} · {trace[9]['step']}")
    page.evaluate("some => window.tell(...some)", trace[2:10])  # for another view of the model
    for message in reversed([one for one in trace[:9] if one["kind"] == "moment"]):
        page.locator("#widget").get_by_role("button", name="Back", exact=True).click()
        expect(where).to_contain_text(f"{message['iteration']} · {message['step']}")
    page.evaluate("one => window.tell(one)", trace[13])
    assert page.evaluate("window.sent.at(-1)") == {"since": trace[9]["seq"]}


def test_a_notebook_that_is_busy_says_why_nothing_happens(opened: Open) -> None:
    page, _ = opened()
    in_a_notebook(page, line(2))
    widget = page.locator("#widget")
    widget.get_by_role("button", name="Step", exact=True).click()
    expect(widget.locator(".banner")).to_contain_text("it waits until the cell ends")
    assert widget.get_by_role("button", name="Reset").count() == 0
    page.evaluate("id => window.tell({kind: 'ack', seq: 3, id, applied: {verb: 'step'}})",
                  page.evaluate("window.sent.at(-1).id"))  # fmt: skip
    expect(widget.locator(".banner")).to_have_count(0)

"""What the component shows of a trace, and what it asks of the loop."""

from __future__ import annotations

from conftest import Open
from player import wait_until
from playwright.sync_api import expect
from traces import line
from window import active, button, expected, step, to_the_end, where


def test_the_first_sight_says_what_to_do(opened: Open) -> None:
    page, player = opened()
    expect(page.locator(".sentence")).to_contain_text("Press Step to run the first of its five")
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
    for part in ("weight", "−0.007000", "− 0.1", "× −1.365", "= 0.1295"):  # noqa: RUF001
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
    expect(page.locator(".remark")).to_contain_text("this optimizer does not move by rate")


def test_an_update_that_nobody_followed_is_no_equation(opened: Open) -> None:
    trace = line(2)
    for one in trace:
        if one["kind"] == "moment" and one["step"] == "update":
            for parameter in one["parameters"]:
                parameter |= {"before": parameter["after"], "after": None, "moved": None}
    page, _ = opened(trace)
    step(page, 5)
    equation = page.locator(".equation")
    expect(equation).to_contain_text("The numbers after this update: nobody followed")
    expect(equation.get_by_role("columnheader", name="now")).to_be_visible()
    for part in ("before", "rate", "after", "×"):  # noqa: RUF001
        expect(equation.locator("table")).not_to_contain_text(part)
    expect(equation.locator("table")).to_contain_text("0.1295")


def test_a_small_movement_is_not_passed_off_as_the_equation(opened: Open) -> None:
    """Beside a weight of 1 every step of Adam looks like one of plain descent."""
    trace = line(2)
    for message in trace:
        if message.get("step") == "update":
            weight, bias = message["parameters"]
            told = {"before": [1.0], "gradient": [0.2], "rate": 5e-5, "grain": 1.19e-7}
            weight |= told | {"after": [0.99995], "moved": [-5e-5]}
            bias |= told | {"after": [0.99999], "moved": [-1e-5]}
    page, _ = opened(trace)
    step(page, 5)
    rows = page.locator(".equation tbody")
    assert "→ 1.000 (by −5.0e−5)" in " ".join(rows.nth(0).inner_text().split())  # noqa: RUF001
    assert "= 1.000 (by −1.0e−5)" in " ".join(rows.nth(1).inner_text().split())  # noqa: RUF001
    expect(page.locator(".remark")).to_contain_text("this optimizer does not move by rate")


def test_what_rounding_takes_is_not_laid_to_the_optimizer(opened: Open) -> None:
    trace = line(2)
    for message in trace:
        if message.get("step") == "update":
            told = {"before": [1.0], "gradient": [0.3], "rate": 1e-3, "grain": 0.0078125}
            message["parameters"] = [
                one | told | {"after": [1.0], "moved": [0.0]} for one in message["parameters"]
            ]
    page, _ = opened(trace)
    step(page, 5)
    assert "= 1.000" in page.locator(".equation tbody").first.inner_text()
    expect(page.locator(".remark")).to_have_text("")


def test_each_parameter_stands_with_its_own_rate(opened: Open) -> None:
    trace = line(2)
    for message in trace:
        if message["kind"] == "moment":
            message["parameters"][1]["rate"] = 0.02
            if message["step"] == "update":
                one = message["parameters"][1]
                one["after"] = [one["before"][0] - 0.02 * one["gradient"][0]]
    page, _ = opened(trace)
    step(page, 5)
    rows = page.locator(".equation tbody")
    assert "− 0.1" in rows.nth(0).inner_text()  # noqa: RUF001
    assert "− 0.02" in rows.nth(1).inner_text()  # noqa: RUF001
    assert "→" not in page.locator(".equation").inner_text()


def test_where_the_first_number_that_is_none_came_from(opened: Open) -> None:
    trace = line(14, nan_at=12)
    words = "first in layer 2 (Linear), forward"
    place = next(i for i, one in enumerate(trace) if one.get("loss") == "NaN")
    trace.insert(place + 1, {"v": 1, "kind": "lost", "iteration": 12, "words": words})
    for seq, message in enumerate(trace, start=1):
        message["seq"] = seq
    page, _ = opened(trace)
    expect(page.locator(".loss .lost")).to_have_count(0)
    to_the_end(page)
    expect(page.locator(".loss .lost")).to_have_text(f"Not finite since iteration 12: {words}.")


def test_before_the_first_loss_it_says_what_will_stand_there(opened: Open) -> None:
    page, _ = opened()
    expect(page.locator(".learnt")).to_contain_text("With the first loss: the data")
    step(page, 2)
    expect(page.locator(".learnt")).to_have_count(0)  # this trace tells of no data


def test_a_step_left_out_says_so(opened: Open) -> None:
    trace = line(2)
    next(one for one in trace if one.get("step") == "zero_grad")["skipped"] = True
    page, _ = opened(trace)
    step(page, 3)
    expect(page.locator(".chip.skipped")).to_contain_text("left out by a knob")
    expect(page.locator(".sentence")).to_contain_text("left out, because a knob says so")


def test_a_loop_that_ran_on_in_silence_is_not_shown_where_it_was(opened: Open) -> None:
    page, player = opened()
    step(page, 5)
    quiet = {"kind": "iteration", "rate": 0.1, "gradient_norm": 1.0, "layers": [], "seconds": {}}
    for iteration in range(2, 41):
        player.say(quiet | {"iteration": iteration, "loss": 1 / iteration})
    stands = {"iteration": 40, "step": "backward", "paused": True, "speed": None, "knobs": {}}
    player.say({"kind": "state"} | stands)
    expect(page.locator(".where")).to_contain_text("iteration 40 · backward")
    expect(page.locator(".sentence")).to_contain_text("Paused in iteration 40, after backward.")
    assert page.locator(".chip[aria-current=step] .name").inner_text() == "backward"
    assert page.locator(".row.lit").count() == 0
    expect(page.locator(".equation")).to_contain_text("last told of in iteration 1")


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


def test_what_somebody_types_survives_the_messages_that_come_in(opened: Open) -> None:
    page, player = opened()
    for label, key in [("Rate (lr)", "lr"), ("Clip gradients to norm", "clip")]:
        page.get_by_label(label).fill("0.3")
        before = where(page)
        player.take({"id": "of another tab", "verb": "step"})
        expect(page.locator(".where")).not_to_have_text(before)
        expect(page.get_by_label(label)).to_have_value("0.3")
        page.get_by_label(label).press("Enter")
        wait_until(lambda key=key: player.requests[-1].get("name") == key)
        assert player.requests[-1]["value"] == 0.3


def test_a_knob_that_is_refused_or_cannot_act_says_why(opened: Open) -> None:
    page, _ = opened()
    expect(page.get_by_label("Model's mode")).to_be_disabled()
    expect(page.locator("#knob-eval_mode-answer")).to_contain_text("no model has been called yet")
    page.get_by_label("Rate (lr)").fill("2000")
    page.get_by_label("Rate (lr)").press("Enter")
    expect(page.locator("#knob-lr-answer")).to_have_text("Refused: lr: from 0 to 1000")
    expect(page.get_by_label("Rate (lr)")).to_have_value("0.1")  # what holds
    button(page, "Reset").click()
    expect(page.locator("#knob-lr-answer")).to_have_text("")  # that was the run before


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
    plot = page.locator(".plot")
    expect(button(page, "Follow")).to_have_count(0)
    button(page, "Iteration").click()
    expect(plot).to_have_attribute("data-shown", "1 to 11")
    button(page, "Zoom in").click()
    expect(plot).to_have_attribute("data-shown", "6 to 11")
    to_the_end(page)
    page.wait_for_timeout(100)
    expect(plot).to_have_attribute("data-shown", "6 to 11")
    button(page, "Follow").click()
    expect(plot).to_have_attribute("data-shown", "1 to 30")
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

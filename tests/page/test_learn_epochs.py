"""The picture of what a lesson's script prints epoch by epoch."""

from __future__ import annotations

from pathlib import Path

from conftest import Open
from node import modules
from playwright.sync_api import Page, expect
from test_component_looks import WIDTHS, overflowing
from test_component_reach import broken
from test_learn_looks import SCHEMES, teaching


def paths(page: Page) -> list[str]:
    drawn = page.locator(".epochs svg.pad .curve")
    return [one.get_attribute("d") or "" for one in drawn.all()]


def test_it_draws_a_curve_for_each_name(opened: Open, pictures: Path) -> None:
    page, player = teaching(opened, 5)
    player.say({"kind": "output", "text": "epoch   1  training 4.0000  validation 0.9000"})
    expect(page.locator(".output")).to_be_visible()
    expect(page.locator(".epochs")).to_have_count(0)  # one point is no curve
    for epoch in range(2, 41):
        text = f"epoch {epoch:3}  training {1 / epoch:.4f}  validation {0.3 + epoch / 80:.4f}"
        player.say({"kind": "output", "text": text})
    player.say({"kind": "output", "text": "epoch  41  training nan  validation 0.9000"})
    player.say({"kind": "output", "text": "one point twice, train mode: 0.1 and 0.2"})
    panel = page.locator(".epochs")
    expect(panel).to_contain_text("validation 0.9")
    expect(panel.locator(".legend")).to_contain_text("training")
    training, validation = paths(page)
    assert training.count("L") == 39, "what is no number is left out"
    assert validation.count("L") == 40
    expect(panel.locator("svg.pad .broken")).to_have_count(1)
    expect(panel).to_contain_text("training: not a number in epoch 41.")
    expect(panel.get_by_role("img")).to_have_accessible_name(
        "What the script printed, against the epoch. Last: training NaN, validation 0.9000"
    )
    page.evaluate((modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert broken(page) == []
        panel.screenshot(path=pictures / f"epochs_{scheme}.png")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(50)
        assert overflowing(page) == []


def test_other_lines_are_not_drawn(opened: Open) -> None:
    page, player = teaching(opened, 5)
    for line in ("step 1 loss 0.5", "step 2 loss 0.4", "epoch 1: loss 3", "weights 1 and 2"):
        player.say({"kind": "output", "text": line})
    expect(page.locator(".output")).to_contain_text("weights 1 and 2")
    expect(page.locator(".epochs")).to_have_count(0)

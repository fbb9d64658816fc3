"""Widths, schemes, motion; pictures of the page go to a temporary folder: look at them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from conftest import Open
from player import wait_until
from playwright.sync_api import Page
from traces import line
from window import step, to_the_end

WIDTHS = (320, 768, 1600)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def test_every_width_without_side_scroll(opened: Open, pictures: Path) -> None:
    page, _ = opened(line(30, nan_at=12, finding_at=6), reduced_motion="reduce")
    for moment in ("first", "step", "end"):
        if moment == "step":
            step(page, 4)
        if moment == "end":
            to_the_end(page)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wait_until(lambda: overflowing(page) == [])
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                name = f"{moment}_{scheme}_{width}.png"
                page.screenshot(path=pictures / name, full_page=True)


def overflowing(page: Page, where: str = ".chip, .panel, .top") -> list[str]:
    """What is wider than its panel, though the page itself does not scroll for it."""
    return page.locator(where).evaluate_all("""boxes => boxes.flatMap(box => {
        const outer = box.getBoundingClientRect();
        const out = one => {
            const inner = one.getBoundingClientRect();
            const wide = inner.right > outer.right + 1 || inner.left < outer.left - 1;
            return inner.width && wide && !one.closest(".u-wrap, .unseen");
        };
        return [...box.querySelectorAll("*")].filter(out).map(one => one.outerHTML.slice(0, 120));
    })""")


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
    places = "all => new Set(all.map(one => one.getBoundingClientRect().left)).size"
    wait_until(lambda: page.locator(".chip").evaluate_all(places) == 1)

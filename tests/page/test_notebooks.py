"""The widget in real notebooks: JupyterLab and marimo, in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from conftest import PATIENCE
from node import modules
from notebooks import TOKEN, jupyterlab, marimo, write
from playwright.sync_api import Browser, Locator, Page, expect

pytest.importorskip("jupyterlab")
pytest.importorskip("marimo")

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SETUP = """\
import pathlib, time, torch, fivestep
from torch import nn
torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.linspace(-1, 1, 50).unsqueeze(1)
y = 2 * x + 1
model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
%load_ext fivestep"""
STEP = """\
%%step --name stepped
for epoch in range(40):
    prediction = model(x)
    loss = nn.functional.mse_loss(prediction, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()"""
FIT = """\
stepped.stop()
run = fivestep.fit(model, nn.MSELoss(), optimizer, (x, y), length="100000 updates",
                   progress=False, watch=False, background=True)
run"""
BUSY = """\
while not pathlib.Path("let go").exists():
    time.sleep(0.05)
print("let go")"""
END = 'run.stop(); run.wait(); print("left", model.weight.numel(), run.reason)'
CELLS = [SETUP, STEP, FIT, BUSY, END]
FIVE = ("forward", "loss", "zero_grad", "backward", "update")
IDLE = "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("jupyterlab")
    write(folder / "loop.ipynb", CELLS)
    with jupyterlab(folder) as address:
        yield f"{address}/lab/tree/loop.ipynb?token={TOKEN}", folder


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 1100}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


# The notebook's own theme decides, whatever the browser prefers.
THEME = "dark => { document.body.dataset.jpThemeLight = String(!dark) }"


def bright(widget: Locator) -> float:
    """Of the text, from 0 for black: light text stands on a dark ground."""
    colour = widget.evaluate("one => getComputedStyle(one).color")
    numbers = [float(one) for one in re.findall(r"[\d.]+", colour)[:3]]
    return 1 - sum(numbers) / (3 * 255)


def run_cell(page: Page, place: int) -> None:
    page.evaluate(
        "place => { jupyterapp.shell.currentWidget.content.activeCellIndex = place;"
        " jupyterapp.commands.execute('notebook:run-cell') }",
        place,
    )


def output(page: Page, place: int) -> Locator:
    return page.locator(".jp-Notebook .jp-CodeCell").nth(place).locator(".jp-OutputArea")


def press(widget: Locator, name: str) -> None:
    widget.get_by_role("button", name=name, exact=True).click()


def iteration(widget: Locator) -> int:
    return int(widget.locator(".where b").inner_text())


def test_a_notebook_is_stepped_trained_and_left_usable(
    lab: tuple[str, Path], page: Page, pictures: Path
) -> None:
    address, folder = lab
    page.goto(address)
    page.locator(".jp-Notebook .jp-Cell").nth(len(CELLS) - 1).wait_for()
    page.wait_for_function(f"window.jupyterapp && {IDLE}")
    for place in (0, 1):
        run_cell(page, place)
    widget = output(page, 1).locator(".root")
    where = widget.locator(".where")
    expect(widget.locator(".script")).to_have_text("Cell In[2]")
    expect(where).to_contain_text("paused")
    page.wait_for_function(IDLE)  # the cell has returned: the notebook is free
    for step in FIVE:
        press(widget, "Step")
        expect(where).to_contain_text(f"iteration 1 · {step}")
        assert step in widget.locator(".row.lit").inner_text()
    by_keys(page, widget)
    for scheme in SCHEMES:
        page.evaluate(THEME, scheme == "dark")
        assert broken(page, widget) == []
        assert (bright(widget) < 0.5) == (scheme == "dark")
        widget.screenshot(path=pictures / f"jupyterlab_{scheme}.png")
    fits_every_width(page, widget)
    trained_in_the_background(page, folder)
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    page.reload()  # what was recorded is still there, for the kernel lives on
    expect(output(page, 2).locator(".where")).to_contain_text("ended")


def fits_every_width(page: Page, widget: Locator) -> None:
    page.evaluate("jupyterapp.shell.collapseLeft()")
    for width in (480, 1600):
        before = widget.evaluate("one => one.clientWidth")
        page.set_viewport_size({"width": width, "height": 1100})
        page.wait_for_function(
            "([one, before]) => one.clientWidth !== before", arg=[widget.element_handle(), before]
        )
        needed, given = widget.evaluate("one => [one.scrollWidth, one.clientWidth]")
        assert needed <= given
        assert (given < 450) == (width == 480), given


def by_keys(page: Page, widget: Locator) -> None:
    """Letters act in the widget and are no commands of JupyterLab's."""
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    widget.evaluate("one => one.focus()")
    page.keyboard.press("s")
    expect(widget.locator(".where")).to_contain_text("iteration 2 · forward")
    page.keyboard.press("n")
    expect(widget.locator(".where")).to_contain_text("iteration 2 · update")
    for letter in ("a", "b", "x"):  # JupyterLab's: a cell above, below, cut
        page.keyboard.press(letter)
    page.keyboard.press("r")
    expect(widget.locator(".banner")).to_contain_text("running its cell again")
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert widget.get_by_role("button", name="Reset").count() == 0


def trained_in_the_background(page: Page, folder: Path) -> None:
    run_cell(page, 2)
    widget = output(page, 2).locator(".root")
    expect(widget.locator(".where")).to_contain_text("running")
    page.wait_for_function(IDLE)
    press(widget, "Pause")
    expect(widget.locator(".where")).to_contain_text("paused")
    assert iteration(widget) > 0
    held = widget.locator(".where").inner_text()
    press(widget, "Iteration")
    expect(widget.locator(".where")).not_to_have_text(held)
    expect(widget.locator(".where")).to_contain_text("paused")
    run_cell(page, 3)  # while it runs the kernel answers or not; if not, the page says why
    page.wait_for_function("!(" + IDLE + ")")
    stood = widget.locator(".where").inner_text()
    press(widget, "Step")
    waits = widget.locator(".banner", has_text="it waits until the cell ends")
    answered = widget.locator(".where").filter(has_text="forward")
    assert "forward" not in stood
    expect(waits.or_(answered).first).to_be_visible()
    (folder / "let go").touch()
    expect(output(page, 3)).to_contain_text("let go")
    expect(answered).to_be_visible()
    expect(widget.locator(".banner")).to_have_count(0)
    run_cell(page, 4)
    expect(output(page, 4)).to_contain_text("left 1 interrupted")
    expect(widget.locator(".where")).to_contain_text("ended")


def broken(page: Page, widget: Locator) -> list[str]:
    page.evaluate((modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    found = widget.evaluate("one => axe.run(one.getRootNode().host)")["violations"]
    return [f"{one['id']}: {node['html'][:150]}" for one in found for node in one["nodes"]]


MARIMO = """\
import marimo

app = marimo.App()


@app.cell
def _():
    import torch, fivestep
    from torch import nn

    torch.set_num_threads(1)

    def loop():
        torch.manual_seed(0)
        model = nn.Linear(1, 1)
        x = torch.linspace(-1, 1, 50).unsqueeze(1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for epoch in range(40):
            loss = nn.functional.mse_loss(model(x), 2 * x + 1)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    fivestep.step(loop)
    return


if __name__ == "__main__":
    app.run()
"""


def test_marimo_steps_a_function(tmp_path: Path, page: Page, pictures: Path) -> None:
    notebook = tmp_path / "loop.py"
    notebook.write_text(MARIMO, encoding="utf-8")
    with marimo(notebook) as address:
        page.goto(address)
        widget = page.locator(".root")
        where = widget.locator(".where")
        expect(where).to_contain_text("paused")
        for step in ("forward", "loss", "backward", "update", "zero_grad"):
            press(widget, "Step")
            expect(where).to_contain_text(f"iteration 1 · {step}")
        assert "zero_grad()" in widget.locator(".row.lit").inner_text()
        page.screenshot(path=pictures / "marimo.png")
        press(widget, "Play")
        expect(where).to_contain_text("iteration 40")
        expect(where).to_contain_text("ended")

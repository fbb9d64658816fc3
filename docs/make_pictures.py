"""Makes the pictures of README and docs: real runs, in Chromium. ``make pictures``.

A picture is a function that takes an empty page and brings it to what is to be seen, and stands in
``PICTURES`` under its name. ``python docs/make_pictures.py NAME ...`` makes some of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
LIMIT = 150_000  # bytes
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 60  # seconds for a script to come to its first step
PLAIN_NAME = "train.py"
PLAIN = '''"""Learn handwritten digits."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
images, labels = load_digits(return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32)
y = torch.tensor(labels)
loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)

for epoch in range(20):
    for inputs, targets in loader:
        prediction = model(inputs)
        loss = loss_fn(prediction, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
'''

WATCHED = '''"""Learn handwritten digits with fit, shown while it runs."""

import torch
from sklearn.datasets import load_digits
from torch import nn

import fivestep

torch.manual_seed(0)
images, labels = load_digits(return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32)
data, unseen = fivestep.split((x, torch.tensor(labels)), validation=0.2, stratify=True)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
fivestep.fit(
    model, nn.CrossEntropyLoss(), optimizer, data, epochs=20, validate=unseen,
    metrics=fivestep.accuracy, schedule=fivestep.cosine(warmup="0.1 run"), page=True,
)
'''
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}

Picture = Callable[[Page], Iterator[None]]  # what it shows stands until it is asked to go on


@contextmanager
def stepped(*command: str) -> Generator[str]:
    """``fivestep step`` on an example or the plain loop, to be opened at this address."""
    script = command[0] if command[0] == PLAIN_NAME else str(ROOT / "examples" / command[0])
    with tempfile.TemporaryDirectory() as folder:  # for what the script writes
        Path(folder, PLAIN_NAME).write_text(PLAIN, encoding="utf-8")
        with served(folder, "step", script, *command[1:]) as address:
            yield address


@contextmanager
def served(folder: str, verb: str, *command: str) -> Generator[str]:
    """A verb of ``fivestep`` that serves a page, to be opened at this address."""
    line = [sys.executable, "-m", "fivestep", verb, "--no-browser", *command]
    process = subprocess.Popen(line, cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, text=True)  # fmt: skip
    try:
        assert process.stderr
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found, process.stderr.read()
        yield found[0]
    finally:
        process.terminate()
        process.wait()


def press(page: Page, name: str, times: int = 1) -> None:
    """Press a button, and wait until something has come of it each time."""
    where = page.locator(".where")
    for _ in range(times):
        before = where.inner_text()
        page.get_by_role("button", name=name, exact=True).click()
        expect(where).not_to_have_text(before)
        expect(where).to_contain_text("paused")


def begun(page: Page, address: str) -> None:
    """Open a page, and wait for its first step."""
    page.goto(address)
    expect(page.locator(".row.waits")).to_be_visible()


def step_digits(page: Page) -> Iterator[None]:
    """A classifier of handwritten digits, paused after backward."""
    with stepped("digits.py") as address:
        begun(page, address)
        press(page, "Iteration", 12)
        press(page, "Step", 4)
        yield


def step_without_zero_grad(page: Page) -> Iterator[None]:
    """A plain loop, some iterations after zero_grad was left out: the doctor has seen it."""
    with stepped(PLAIN_NAME) as address:
        begun(page, address)
        press(page, "Iteration", 3)
        page.get_by_label("Leave zero_grad out").check()
        press(page, "Iteration", 12)
        expect(page.locator(".finding").first).to_be_visible()
        yield


def learn_descent(page: Page) -> Iterator[None]:
    """The second lesson after some iterations: the card, the data and their line, the surface."""
    with tempfile.TemporaryDirectory() as folder, served(folder, "learn", "2") as address:
        begun(page, address)
        page.get_by_role("button", name="Next card").or_(
            page.get_by_role("button", name="Skip this card")
        ).click()
        press(page, "Iteration", 5)
        yield


def watch_digits(page: Page) -> Iterator[None]:
    """A training that was shown while it ran, looked at again: its charts and the best of it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, PLAIN_NAME).write_text(WATCHED, encoding="utf-8")
        subprocess.run([sys.executable, PLAIN_NAME], cwd=folder, env=ENVIRONMENT, check=True,
                       capture_output=True)  # fmt: skip
        with served(folder, "watch", "runs") as address:
            page.goto(address)
            expect(page.locator(".sentence")).to_contain_text("It has finished")
            expect(page.locator(".chart canvas").first).to_be_visible()
            page.wait_for_timeout(1000)  # the charts are drawn a little later
            yield


PICTURES: dict[str, Picture] = {
    "learn": learn_descent,
    "watch": watch_digits,
    "step": step_digits,
    "step_zero_grad": step_without_zero_grad,
}


def make(browser: Browser, name: str) -> Path:
    """Make one picture, no larger than a page of text may carry."""
    scheme: Any = "light"
    context = browser.new_context(
        viewport={"width": 1440, "height": 860}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    path = FOLDER / f"{name}.png"
    for _ in PICTURES[name](page):
        page.screenshot(path=path)
    context.close()
    _smaller(path)
    size = path.stat().st_size
    assert size < LIMIT, f"{path} has {size:,} bytes, and at most {LIMIT:,} belong in a page"
    return path


def _smaller(path: Path) -> None:
    """Few colours are enough for a page of text."""
    from PIL import Image

    with Image.open(path) as image:
        image.convert("RGB").quantize(128).save(path, optimize=True)


def main(names: list[str]) -> int:
    """Make these pictures, or all."""
    if unknown := set(names) - set(PICTURES):
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PICTURES)}")  # noqa: T201
        return 2
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        print("no Chromium here\n  do: apt-get install chromium")  # noqa: T201
        return 2
    FOLDER.mkdir(exist_ok=True)
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for name in names or PICTURES:
            began = time.monotonic()
            path = make(browser, name)
            print(f"{path.relative_to(ROOT)}  {time.monotonic() - began:.0f} s")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

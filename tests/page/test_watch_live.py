"""A real training and its viewer: each survives the other's death, and neither waits for it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from player import wait_until
from playwright.sync_api import Browser, Page, expect
from window import button

from fivestep.live import film as filming
from fivestep.live import viewer as viewing
from fivestep.live.export import LIMIT
from fivestep.live.film import Film, Iterated
from fivestep.live.places import beside
from fivestep.live.reading import runs_in
from fivestep.live.viewer import Viewer, serve
from fivestep.vitals.events import Norm, Update

SCRIPT = Path(__file__).parent / "scripts" / "watched.py"
LINK = re.compile(r"http://127\.0\.0\.1:\d+/\?key=\S+")


class Training:
    """``watched.py`` in a process of its own, and what it says."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.said: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)

    def link(self) -> str:
        wait_until(lambda: LINK.search("".join(self.said)), 60)
        found = LINK.search("".join(self.said))
        assert found
        return found[0]

    def viewer(self) -> int | None:
        """The viewer's process: the one whose command names this journal."""
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            ours = b"--for-a-training" in command and str(self.folder).encode() in command
            if ours and state not in "ZX":
                return int(entry.name)
        return None

    def ended(self, seconds: float = 120) -> str:
        assert self.process.stdout is not None
        said = self.process.stdout.read()
        self.process.wait(seconds)
        return said

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if (viewer := self.viewer()) is not None:
            os.kill(viewer, signal.SIGKILL)
        self.reader.join(5)  # the viewer had that pipe, too
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def trainings() -> Iterator[list[Training]]:
    made: list[Training] = []
    yield made
    for one in made:
        one.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    made = context.new_page()
    made.set_default_timeout(20_000)
    yield made
    context.close()


def number(page: Page) -> int:
    found = re.search(r"iteration ([\d,]+)", page.locator(".where").text_content() or "")
    return int(found[1].replace(",", "")) if found else 0


def test_a_training_is_followed_killed_and_shown_so(
    tmp_path: Path, trainings: list[Training], page: Page, pictures: Path
) -> None:
    training = Training(tmp_path)
    trainings.append(training)
    page.goto(training.link())
    expect(page.locator(".where")).to_contain_text("running")
    first = number(page)
    wait_until(lambda: number(page) > first + 20, 30)
    assert page.get_by_role("progressbar").count() == 1
    page.reload()
    expect(page.locator(".where")).to_contain_text("running")
    wait_until(lambda: number(page) > first + 40, 30)
    training.process.send_signal(signal.SIGKILL)
    training.process.wait()
    expect(page.locator(".where")).to_contain_text("stopped without a word")
    last = number(page)
    expect(page.locator(".sentence")).to_contain_text(f"at iteration {last:,}")
    assert last > first + 40
    assert training.viewer() is not None  # it outlives the training
    page.screenshot(path=pictures / "watch_killed.png", full_page=True)
    page.reload()  # and still serves
    expect(page.locator(".where")).to_contain_text("stopped without a word")
    assert number(page) == last


def test_the_viewer_is_killed_and_not_one_bit_is_different(
    tmp_path: Path, trainings: list[Training], page: Page
) -> None:
    bare = Training(tmp_path / "bare", "--bare", "60")
    shown = Training(tmp_path / "shown", "--shown", "60")
    trainings += [bare, shown]
    page.goto(shown.link())
    expect(page.locator(".where")).to_contain_text("running")
    viewer = shown.viewer()
    assert viewer is not None
    os.kill(viewer, signal.SIGKILL)
    expect(page.get_by_text("Nobody answers.")).to_be_visible()
    expect(page.locator(".banner")).to_contain_text("goes on without its page")
    said = shown.ended()
    assert said.startswith("finished ")
    assert said == bare.ended()
    page.close()


def test_ctrl_c_ends_the_training_and_not_the_viewer(
    tmp_path: Path, trainings: list[Training], page: Page
) -> None:
    training = Training(tmp_path)
    trainings.append(training)
    page.goto(training.link())
    wait_until(lambda: number(page) > 10, 30)
    os.killpg(training.process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    assert training.ended().startswith("interrupted ")
    expect(page.locator(".where")).to_contain_text("interrupted")
    assert training.viewer() is not None


def test_a_viewer_at_which_nobody_looks_goes(tmp_path: Path, trainings: list[Training]) -> None:
    training = Training(tmp_path, "--shown", "2")
    trainings.append(training)
    training.link()
    training.ended()
    assert training.viewer() is not None  # somebody may still come
    wait_until(lambda: training.viewer() is None, 30)


class Served:
    """The viewer in this process."""

    def __init__(self, journals: list[Path], port: int = 0, *, training: bool = False) -> None:
        self.stop: list[int] = []
        self.links: list[str] = []
        self.thread = threading.Thread(
            target=serve, args=(Viewer(journals),),
            kwargs={
                "host": "127.0.0.1", "port": port, "show": self.links.append,
                "pressed": lambda: self.stop, "with_training": training,
            },
        )  # fmt: skip
        self.thread.start()
        wait_until(lambda: self.links)

    @property
    def port(self) -> int:
        return int(self.links[0].partition("127.0.0.1:")[2].partition("/")[0])

    def close(self) -> None:
        self.stop.append(1)
        self.thread.join()


@pytest.fixture
def film(tmp_path: Path) -> Iterator[Film]:
    made = Film(beside(tmp_path / "run.jsonl"))
    made.say("hello", filming.hello("run", {"options": {}, "batches": 10}, 0))
    yield made
    made.close()


def go_on(film: Film, begin: int, end: int) -> None:
    for i in range(begin, end + 1):
        film.iterated(i, 1 + i // 10, 1 / i, 0.5, 0.1, 16)


def test_the_viewer_killed_and_started_anew(tmp_path: Path, film: Film, page: Page) -> None:
    go_on(film, 1, 30)
    served = Served([tmp_path / "run.jsonl"])
    page.goto(served.links[0])
    expect(page.locator(".where")).to_contain_text("iteration 30")
    served.close()
    expect(page.get_by_text("Nobody answers.")).to_be_visible()
    assert number(page) == 30  # frozen, not emptied
    go_on(film, 31, 60)
    heir = Served([tmp_path / "run.jsonl"], served.port)
    try:
        page.goto(heir.links[0])
        expect(page.locator(".where")).to_contain_text("iteration 60")
        expect(page.get_by_text("Nobody answers.")).to_have_count(0)
        page.locator(".chart.loss summary").click()
        expect(page.locator(".chart.loss td").first).to_have_text("5")
    finally:
        heir.close()


def test_eight_tabs_and_the_hidden_let_go(tmp_path: Path, film: Film, browser: Browser) -> None:
    go_on(film, 1, 20)
    served = Served([tmp_path / "run.jsonl"])
    context = browser.new_context()
    try:
        pages = [context.new_page() for _ in range(8)]
        hide = """value => {
            Object.defineProperty(document, "hidden", {value, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
        for place, one in enumerate(pages):
            one.goto(served.links[0] if place == 0 else served.links[0].partition("?")[0])
            expect(one.locator(".where")).to_contain_text("iteration 20")
            one.evaluate(hide, True)
        go_on(film, 21, 40)
        for one in pages:  # each comes back and has missed nothing
            one.evaluate(hide, False)
            expect(one.locator(".where")).to_contain_text("iteration 40")
            one.evaluate(hide, True)
    finally:
        context.close()
        served.close()


def test_the_last_to_leave_lets_the_viewer_go(
    tmp_path: Path, film: Film, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewing, "LEFT", 0.5)
    monkeypatch.setattr(viewing, "UNSEEN", 60.0)
    go_on(film, 1, 20)
    film.say("end", {"reason": "finished", "message": "", "best": None})
    served = Served([tmp_path / "run.jsonl"], training=True)
    page.goto(served.links[0])
    expect(page.locator(".where")).to_contain_text("finished")
    time.sleep(1.0)
    assert served.thread.is_alive()  # somebody looks on
    page.close()
    served.thread.join(30)
    assert not served.thread.is_alive()


def test_a_hundred_thousand_iterations(tmp_path: Path, page: Page, pictures: Path) -> None:
    lines: list[bytes] = []
    writer = filming.Writer(lines.append)  # pyright: ignore[reportPrivateUsage]
    norms = tuple(Norm(i, 1.0, 1.0, 10 ** (-3 + i / 40)) for i in range(64))
    update = Update(0, None, 0, False, False, "some", False, 1, 1, None, None, norms=norms)
    setup = {"options": {"length": "100000 iterations"}, "batches": 100}
    writer.take("hello", filming.hello("long", setup, 0))
    for i in range(1, 100_001):
        measured = update if i < 33 or i % 128 < 2 else None
        loss = 9.0 if i == 77_777 else 2 / i**0.3 + 0.02 * (i % 7)
        told = Iterated(i, 1 + i // 100, loss, 1.0, 0.1, 16, i * 1e-3, 1e-3, (1e-4,) * 6, measured)
        writer.take("iteration", told)
        if i % 100 == 0:
            held = {
                "when": "epoch",
                "epoch": i // 100,
                "iteration": i,
                "validation_loss": 2 / i**0.3,
            }
            writer.take("entry", held)
    writer.take("end", {"reason": "finished", "message": "", "best": None})
    beside(tmp_path / "long.jsonl").write_bytes(b"".join(lines))
    served = Served([tmp_path / "long.jsonl"])
    try:
        page.set_viewport_size({"width": 1600, "height": 1000})
        page.goto(served.links[0])
        expect(page.locator(".where")).to_contain_text("finished iteration 100,000")
        button(page, "Zoom in").click()
        loss = page.get_by_role("img", name="Loss against iteration")
        expect(loss).to_have_attribute("data-shown", "50000.5 to 100000")
        page.wait_for_timeout(800)
        page.screenshot(path=pictures / "watch_long.png", full_page=True)
        with page.expect_download() as waiting:
            page.get_by_text("Save as one file").click()
        made = Path(waiting.value.path()).read_bytes()
        assert len(made) < LIMIT
        record = made.decode().partition('id="record">')[2].partition("</script>")[0]
        points = [json.loads(line) for line in record.splitlines() if '"iteration"' in line]
        highs = [one.get("high", 0) for one in points if one["kind"] == "iteration"]
        assert max(highs) == 9.0
    finally:
        served.close()


def test_a_run_without_page_is_watched_too(
    tmp_path: Path, trainings: list[Training], page: Page, pictures: Path
) -> None:
    training = Training(tmp_path, "--bare", "5")
    trainings.append(training)
    training.ended()
    served = Served(runs_in(tmp_path))
    try:
        page.goto(served.links[0])
        expect(page.locator(".where")).to_contain_text("finished iteration 20")
        for title in ("Loss", "Gradient norm", "Learning rate", "Layers"):
            expect(page.get_by_role("img", name=f"{title} against iteration")).to_have_count(1)
        page.screenshot(path=pictures / "watch_journal.png", full_page=True)
    finally:
        served.close()


def test_nothing_of_a_training_can_be_steered(tmp_path: Path, film: Film, page: Page) -> None:
    go_on(film, 1, 5)
    served = Served([tmp_path / "run.jsonl"])
    try:
        page.goto(served.links[0])
        expect(page.locator(".watch")).to_be_visible()
        answer: Any = page.evaluate("""async () => {
            const body = JSON.stringify({id: "a", verb: "pause"});
            const headers = {"Content-Type": "application/json"};
            const answer = await fetch("/request", {method: "POST", headers, body});
            return [answer.status, (await answer.json()).refused];
        }""")
        assert answer[0] == 409
        assert "nothing of it can be steered" in answer[1]
    finally:
        served.close()


CELL = """\
import torch
from torch import nn
from fivestep import fit
torch.set_num_threads(1)
torch.manual_seed(0)
model, x = nn.Linear(4, 1), torch.randn(32, 4)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
run = fit(model, nn.MSELoss(), optimizer, (x, x[:, :1]), epochs=3, page=True, progress=False)
print(run.reason, run.path)
"""


def test_a_cell_of_a_notebook_says_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: Page
) -> None:
    nbformat: Any = pytest.importorskip("nbformat")
    nbclient: Any = pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(Path(filming.__file__).parents[2]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    note = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nbclient.NotebookClient(note, timeout=180, kernel_name="python3").execute(cwd=str(tmp_path))
    outputs = note.cells[0].outputs
    said = "".join(one["text"] for one in outputs if one.get("name") == "stdout")
    assert "finished runs" in said
    link = LINK.search(said)
    assert link is not None
    page.goto(link[0])  # the kernel has gone, its viewer has not
    expect(page.locator(".where")).to_contain_text("finished iteration 3")
    page.close()
    gone = next(iter(runs_in(tmp_path / "runs")))
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            here = (entry / "cwd").resolve()
        except OSError:
            continue
        if b"--for-a-training" in command and here / command[-2].decode() == gone:
            os.kill(int(entry.name), signal.SIGKILL)

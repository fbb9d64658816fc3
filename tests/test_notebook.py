"""``%%listen``: the cell behaves as without it, and the report names the cell's own lines."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fivestep

IPython = pytest.importorskip("IPython")

from IPython.core.displaypub import CapturingDisplayPublisher  # noqa: E402
from IPython.core.interactiveshell import InteractiveShell  # noqa: E402
from traitlets.config import Config  # noqa: E402

SETUP = """\
import torch
from torch import nn
torch.set_num_threads(1)
torch.manual_seed(0)
model = nn.Linear(4, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.01)
x = torch.randn(16, 4)
"""
LOOP = """\
for _ in range(8):
    loss = (model(x) - x[:, :1]).pow(2).mean()
    CLEAR
    loss.backward()
    opt.step()
"""
SICK, SOUND = LOOP.replace("CLEAR", "pass"), LOOP.replace("CLEAR", "opt.zero_grad()")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    config = Config({"HistoryManager": {"enabled": False}})
    one: Any = InteractiveShell.instance(config=config, display_pub_class=CapturingDisplayPublisher)
    one.run_cell("%load_ext fivestep", store_history=True)
    one.run_cell(SETUP, store_history=True)
    yield one
    one.history_manager.end_session()
    InteractiveShell.clear_instance()


def run(shell: Any, cell: str) -> Any:
    """Run a cell; an error in it is given back in the result."""
    shell.display_pub.outputs.clear()
    return shell.run_cell(cell, store_history=True)


def shown(shell: Any) -> list[dict[str, str]]:
    outputs = [one["data"] for one in shell.display_pub.outputs]
    return [data for data in outputs if "fivestep:" in data.get("text/plain", "")]


def test_the_report_names_the_cell_and_its_own_line(shell: Any) -> None:
    assert run(shell, "%%listen\n" + SICK).success
    (data,) = shown(shell)
    assert "stale-gradient (FS301)  Cell In[3], line 5" in data["text/plain"]
    marked = [line for line in data["text/plain"].splitlines() if line.startswith("  >")]
    assert [line.split("|")[1].strip() for line in marked] == ["loss.backward()"]
    assert "opt.zero_grad()" in data["text/html"]
    assert "Cell In[3], line 5" in data["text/html"]


@pytest.mark.parametrize("above", ["", "\n\n", "# what is this?\n"])
def test_lines_are_counted_from_the_top_of_the_cell(shell: Any, above: str) -> None:
    cell = f"{above}%%listen --name doctor\n\n# a loop\n" + SICK
    if above.startswith("#"):  # IPython takes %% for a magic in the first line alone
        assert not run(shell, cell).success
        return
    run(shell, cell)
    (finding,) = shell.user_ns["doctor"].report().findings
    assert cell.splitlines()[finding.site.line - 1].strip() == "loss.backward()"


def test_a_line_of_another_cell_is_named_by_that_cell(shell: Any) -> None:
    run(shell, "def train():\n" + "".join(f"    {line}\n" for line in SICK.splitlines()))
    run(shell, "%%listen\ntrain()")
    (data,) = shown(shell)
    assert "Cell In[3], line 5" in data["text/plain"]


def test_a_sound_cell_is_one_line_and_its_last_value_is_shown(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(shell, "%%listen\n" + SOUND + "6 * 7")
    assert result.result == 42
    assert "42" in capsys.readouterr().out
    (data,) = shown(shell)
    assert data["text/plain"].startswith("fivestep: nothing to say about 8 iterations")


def test_a_cell_that_raises_still_reports_and_raises(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(shell, "%%listen\n" + SICK + "raise KeyError('mine')")
    assert isinstance(result.error_in_exec, KeyError)
    assert "stale-gradient" in shown(shell)[0]["text/plain"]
    trace = capsys.readouterr().out
    assert trace.count("KeyError") >= 1
    assert "notebook.py" not in trace


def test_options(shell: Any, tmp_path: Path) -> None:
    run(shell, "%%listen --ignore stale-gradient --name first\n" + SICK)
    assert shown(shell)[0]["text/plain"].startswith("fivestep: nothing to say")
    assert [one.rule for one in shell.user_ns["first"].report().findings] == ["stale-gradient"]
    run(shell, "%%listen --rules FS302 --json 'my report.json'\n" + SICK)
    plain = json.loads((tmp_path / "my report.json").read_text())
    assert plain["checked"] == ["erased-gradient"]
    run(shell, "%%listen --json all.json\n" + SICK)
    (finding,) = json.loads((tmp_path / "all.json").read_text())["findings"]
    assert finding["cell"] == "In[5]"
    assert finding["source"] == "loss.backward()"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--ignore nonsense", "'nonsense' is no rule"),
        ("--nam x", "unrecognized arguments: --nam"),
        ("--name 1x", "is no name of a variable"),
    ],
)
def test_a_mistake_in_the_options_is_told_before_the_cell_runs(
    shell: Any, options: str, words: str
) -> None:
    result = run(shell, f"%%listen {options}\nran = True")
    assert words in str(result.error_in_exec)
    assert "ran" not in shell.user_ns


def test_used_again_and_nested(shell: Any) -> None:
    run(shell, "%%listen\n" + SICK)
    run(shell, "%%listen\n" + SOUND)  # gradients of the sick cell are gone at its first clear
    assert shown(shell)[0]["text/plain"].startswith("fivestep: nothing to say")
    body = "".join(f"    {line}\n" for line in SICK.splitlines())
    run(shell, f"%%listen\nimport fivestep\nwith fivestep.listen() as inner:\n{body}")
    assert "stale-gradient" in shown(shell)[0]["text/plain"]
    assert [one.rule for one in shell.user_ns["inner"].report().findings] == ["stale-gradient"]
    run(shell, "%%listen\n%%listen\n" + SICK)
    assert len(shown(shell)) == 2


def test_another_magic_inside_still_works(shell: Any) -> None:
    assert run(shell, "%%listen\n%%time\n" + SICK).success
    assert "stale-gradient" in shown(shell)[0]["text/plain"]
    assert run(shell, "%%time\n%%listen\n" + SICK).success
    assert "Cell In[4], line 6" in shown(shell)[0]["text/plain"]


def test_a_loop_over_several_cells(shell: Any) -> None:
    run(shell, "import fivestep\ndoctor = fivestep.listen().start()")
    run(shell, "model = nn.Linear(4, 1)\nopt = torch.optim.SGD(model.parameters(), lr=0.01)")
    run(shell, SICK)
    result = run(shell, "doctor.stop()\ndoctor.report()")
    run(shell, SICK)  # heard no more
    (finding,) = shell.user_ns["doctor"].report().findings
    assert finding.rule == "stale-gradient"
    assert "Cell In[5], line 4" in str(result.result)


def test_the_magic_can_be_taken_away(shell: Any) -> None:
    run(shell, "%unload_ext fivestep")
    assert not run(shell, "%%listen\npass").success


def test_loading_the_extension_loads_no_torch() -> None:
    program = (
        "import sys, fivestep\n"
        "class Shell:\n"
        "    def register_magic_function(self, *given): print(given[1:])\n"
        "fivestep.load_ipython_extension(Shell())\n"
        "print('torch' in sys.modules, 'IPython' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "('cell', 'listen')", "('cell', 'step')", "False False",
    ]  # fmt: skip


def test_a_real_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a kernel of its own, whose cells lie in files that are on no disk."""
    nbformat: Any = pytest.importorskip("nbformat")
    nbclient: Any = pytest.importorskip("nbclient")
    source = str(Path(fivestep.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", source)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    cells = ["%load_ext fivestep", SETUP, "%%listen\n" + SICK, "%%listen\n" + SICK + "1 / 0"]
    note = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(note, timeout=120, kernel_name="python3", allow_errors=True)
    client.execute(cwd=str(tmp_path))
    for cell, number in zip(note.cells[2:], (3, 4), strict=True):
        (data,) = [one["data"] for one in cell.outputs if "data" in one]
        assert f"wrong  stale-gradient (FS301)  Cell In[{number}], line 5" in data["text/plain"]
        assert ">     5 |     loss.backward()" in data["text/plain"]
        assert data["text/html"].startswith('<div class="fivestep"')
    errors = [one for one in note.cells[3].outputs if one["output_type"] == "error"]
    assert [one["ename"] for one in errors] == ["ZeroDivisionError"]
    assert "notebook.py" not in "".join(errors[0]["traceback"])

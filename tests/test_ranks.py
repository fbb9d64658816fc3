"""Several processes, one report: merged, told once, and never waited for without end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import fivestep
from fivestep.doctor import diagnose
from fivestep.finding import Finding, Report, Severity
from fivestep.merge import merge
from fivestep.practice import overhear
from fivestep.ranks import SHARED, Meeting, Place, folder, place
from fivestep.report import as_text
from fivestep.rules import named
from fivestep.vitals import Site

pytestmark = pytest.mark.skipif(os.name == "nt", reason="torchrun is for POSIX")

SOURCE = str(Path(fivestep.__file__).parents[1])
SCRIPT = """\
import os, signal, sys, time
import torch
from torch import distributed, nn
rank = int(os.environ["RANK"])
distributed.init_process_group("gloo")
torch.set_num_threads(1)
torch.manual_seed(0)
model = nn.parallel.DistributedDataParallel(nn.Linear(4, 1))
opt = torch.optim.SGD(model.parameters(), lr=0.01)
x = torch.randn(16, 4)
for i in range(12):
    loss = (model(x) - x[:, :1]).pow(2).mean()
    CLEAR
    loss.backward()
    MIDDLE
    opt.step()
distributed.destroy_process_group()
END
"""
ALONE = """\
import os, signal, sys, time
import torch
from torch import nn
rank = int(os.environ["RANK"])
torch.set_num_threads(1)
model = nn.Linear(4, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.01)
x = torch.randn(16, 4)
for i in range(12):
    loss = (model(x) - x[:, :1]).pow(2).mean()
    CLEAR
    loss.backward()
    opt.step()
END
"""
SOUND = {"CLEAR": "opt.zero_grad()", "MIDDLE": "pass", "END": "pass"}


def write(tmp_path: Path, text: str, **pieces: str) -> Path:
    for name, piece in {**SOUND, **pieces}.items():
        text = text.replace(name, piece)
    path = tmp_path / "train.py"
    path.write_text(text)
    return path


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE", SHARED)}
    own = {"PYTHONPATH": SOURCE, "OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    return {**kept, **own, **more}


def torchrun(script: Path, *options: str, listening: bool = True) -> Any:
    run = ["-m", "fivestep", "run", *options, str(script)] if listening else [str(script)]
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *run],
        capture_output=True, text=True, check=False, timeout=120, cwd=script.parent,
        env=environment(),
    )  # fmt: skip


def ranks(script: Path, *options: str, **more: str) -> list[Any]:
    """The same processes without the launcher, which takes seconds and ends what fails."""
    count, started = 2, list[Any]()
    for rank in range(count):
        numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
        numbers["MASTER_PORT"] = _port(script)
        given = {name: str(number) for name, number in numbers.items()}
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "fivestep", "run", *options, str(script)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=script.parent,
                env=environment(**{**given, **more}),
            )
        )  # fmt: skip
    return started


def _port(script: Path) -> int:
    return 10_000 + hash(str(script)) % 50_000


def ended(processes: list[Any]) -> list[tuple[int, str]]:
    return [(one.wait(timeout=100), one.communicate()[1]) for one in processes]


# -- under torchrun -----------------------------------------------------------------------------


def test_a_sound_run_is_one_line(tmp_path: Path) -> None:
    done = torchrun(write(tmp_path, SCRIPT), "--check")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("fivestep:")]
    assert len(said) == 1
    assert said[0].startswith("fivestep: nothing to say about 12 iterations on each of 2 ranks (")


def test_a_fault_on_all_ranks_is_one_finding(tmp_path: Path) -> None:
    done = torchrun(
        write(tmp_path, SCRIPT, CLEAR="pass"),
        "--json", str(tmp_path / "report.json"), "--record", str(tmp_path / "v.jsonl"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("stale-gradient (FS301)") == 1
    plain = json.loads((tmp_path / "report.json").read_text())
    (finding,) = plain["findings"]
    assert finding["ranks"] == [0, 1]
    assert [one["iterations"] for one in plain["ranks"]] == [12, 12]
    files = [str(tmp_path / name) for name in ("v.jsonl", "v.rank1.jsonl")]
    again = subprocess.run(
        [sys.executable, "-m", "fivestep", "check", "--json", "-", *files],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=environment(),
    )  # fmt: skip
    assert json.loads(again.stdout)["findings"] == [finding]


def test_a_rank_that_crashes_is_named_and_the_exit_code_stays(tmp_path: Path) -> None:
    script = write(tmp_path, SCRIPT, MIDDLE="if rank == 1 and i == 6: raise KeyError('mine')")
    without = torchrun(script, listening=False)
    with_ = torchrun(script)
    assert with_.returncode == without.returncode == 1
    assert with_.stderr.count("fivestep: ") == 1
    assert "rank 1 ended with KeyError: 'mine'" in with_.stderr
    assert "KeyError: 'mine'" in without.stderr


# -- without the launcher -----------------------------------------------------------------------


def test_a_fault_on_one_rank_names_it(tmp_path: Path) -> None:
    script = write(tmp_path, ALONE, CLEAR="opt.zero_grad() if rank == 0 else None")
    (first, said), (second, silent) = ended(ranks(script, "--check"))
    assert (first, second) == (1, 0)
    assert "in 11 iterations, on rank 1" in said
    assert silent == ""


def test_a_rank_that_is_killed_is_not_waited_for(tmp_path: Path) -> None:
    end = "if rank == 1: os.kill(os.getpid(), signal.SIGKILL)"
    began = time.monotonic()
    (code, said), (killed, _) = ended(ranks(write(tmp_path, ALONE, END=end)))
    assert (code, killed) == (0, -signal.SIGKILL)
    assert "rank 1 is not in this report: it died without a word" in said
    assert "nothing to say about 12 iterations of rank 0" in said
    assert time.monotonic() - began < 55  # less than its patience with those that live


def test_if_rank_0_died_the_next_one_tells(tmp_path: Path) -> None:
    end = "os.kill(os.getpid(), signal.SIGKILL) if rank == 0 else time.sleep(3)"
    (killed, _), (code, said) = ended(ranks(write(tmp_path, ALONE, CLEAR="pass", END=end)))
    assert (killed, code) == (-signal.SIGKILL, 0)
    assert "rank 0 is not in this report" in said
    assert "stale-gradient" in said


STUCK = "import ctypes; held = ctypes.create_string_buffer(256); c = ctypes.CDLL(None)"


@pytest.mark.parametrize(
    "hang",
    ["time.sleep(99)", f"{STUCK}; [c.pthread_mutex_lock(held) for _ in range(2)]"],
    ids=["in Python", "in C"],
)
def test_a_rank_that_hangs_reports_when_it_is_told_to_end(tmp_path: Path, hang: str) -> None:
    ready = tmp_path / "ready"
    end = f"if rank == 1: sys.exit(7)\nopen({str(ready)!r}, 'w').close(); {hang}"
    first, second = ranks(write(tmp_path, ALONE, CLEAR="pass", END=end))
    assert second.wait(timeout=100) == 7
    until = time.monotonic() + 60
    while not ready.exists() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    first.send_signal(signal.SIGTERM)
    (code, said), _ = ended([first, second])
    assert code == -signal.SIGTERM
    assert said.count("stale-gradient (FS301)") == 1
    assert "on ranks 0 and 1" in said
    assert "rank 0 ended with SIGTERM" in said


def test_a_handler_of_the_script_stays_its_own(tmp_path: Path) -> None:
    end = (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "os.kill(os.getpid(), signal.SIGTERM) if rank == 0 else None"
    )
    (code, said), (other, _) = ended(ranks(write(tmp_path, ALONE, END=end)))
    assert (code, other) == (5, 0)
    assert "12 iterations on each of 2 ranks" in said


def test_a_forked_child_is_ended_as_ever(tmp_path: Path) -> None:
    end = (
        "reader, writer = os.pipe()\n"
        "child = os.fork()\n"
        "if child == 0: os.write(writer, b'!'); time.sleep(60); os._exit(9)\n"
        "os.read(reader, 1)\n"  # Python itself loses a signal that comes while it forks
        "os.kill(child, signal.SIGTERM)\n"
        "assert os.waitpid(child, 0)[1] == signal.SIGTERM\n"
        "time.sleep(4)"  # as long as the thread would wait before it speaks for a rank that hangs
    )
    (code, said), (other, _) = ended(ranks(write(tmp_path, ALONE, END=end)))
    assert (code, other) == (0, 0)
    assert "SIGTERM" not in said
    assert "12 iterations on each of 2 ranks" in said


def test_nodes_that_share_no_folder_report_each_for_itself(tmp_path: Path) -> None:
    script = write(tmp_path, ALONE)
    (_, said), (_, also) = ended(ranks(script, LOCAL_RANK="0", LOCAL_WORLD_SIZE="1"))
    for number, text in enumerate((said, also)):
        assert f"nothing to say about 12 iterations of rank {number}" in text
        assert f"ranks {number} to {number} of 2: the other nodes report for themselves" in text


def test_nodes_that_share_a_folder_report_together(tmp_path: Path) -> None:
    script, shared = write(tmp_path, ALONE), tmp_path / "shared"
    node = {"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    (_, said), (_, also) = ended(ranks(script, **node, FIVESTEP_RANKS=str(shared)))
    assert "nothing to say about 12 iterations on each of 2 ranks" in said
    assert also == ""
    assert list(shared.iterdir()) == []  # it leaves nothing behind


# -- the pieces ---------------------------------------------------------------------------------


def report(*names: str, iteration: int = 1) -> Report:
    found = [
        Finding(
            f"message of {name}", "c", "f", {"n": 1}, Site("train.py", 3), iteration, 2,
            rule=name, code=named(name).code, severity=named(name).severity,
        )
        for name in names
    ]  # fmt: skip
    checked = [one for one in ("stale-gradient", "broadcast-loss") if one not in names]
    return Report(found, checked, {"starved-loop": "no loader"}, iterations=12, seconds=1.5)


def test_the_same_fault_is_one_and_others_stay() -> None:
    one = merge(
        {0: report("stale-gradient", iteration=4), 3: report("stale-gradient")}, {1: "gone"}
    )
    (finding,) = one.findings
    assert (finding.ranks, finding.iteration, finding.severity) == ((0, 3), 1, Severity.WRONG)
    assert one.checked == ["broadcast-loss"]
    assert [(rank.number, rank.missing) for rank in one.ranks] == [(0, ""), (1, "gone"), (3, "")]
    two = merge({0: report("stale-gradient"), 1: report("broadcast-loss")})
    assert [(each.rule, each.ranks) for each in two.findings] == [
        ("broadcast-loss", (1,)),
        ("stale-gradient", (0,)),
    ]
    assert two.checked == []
    assert two.not_checked == {"starved-loop": "no loader"}


def test_what_one_rank_causes_on_another_stands_under_it() -> None:
    one = merge({0: report("nonfinite-gradient", iteration=5), 1: report("nonfinite-input")})
    (finding,) = one.findings
    assert (finding.rule, finding.ranks) == ("nonfinite-input", (1,))
    assert [effect.rule for effect in finding.consequences] == ["nonfinite-gradient"]


def test_ranks_that_differ_in_length_are_told_apart() -> None:
    short = report()
    short.iterations = 5
    text = as_text(merge({0: report(), 1: short}, {2: "it was still running"}))
    assert "nothing to say about iterations 12 on rank 0 and 5 on rank 1" in text
    assert "rank 2 is not in this report: it was still running" in text


def test_a_place_is_read_from_what_the_launcher_says() -> None:
    given = {"RANK": "9", "WORLD_SIZE": "16", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "8"}
    here = place(given)
    assert here == Place(9, 16, 1, 8)
    assert here is not None
    assert list(here.node) == list(range(8, 16))
    assert place({**given, "RANK": "0", "WORLD_SIZE": "1"}) is None
    assert place({"RANK": "1", "WORLD_SIZE": "4"}) is None
    assert place({**given, "LOCAL_RANK": "x"}) is None


def test_runs_do_not_meet_each_other() -> None:
    first = {"TORCHELASTIC_RUN_ID": "a", "MASTER_PORT": "1", "TORCHELASTIC_RESTART_COUNT": "0"}
    here, beside, other = Place(0, 4, 0, 2), Place(1, 4, 1, 2), Place(2, 4, 0, 2)
    folders = {
        folder(here, {**first, **more})
        for more in ({}, {"MASTER_PORT": "2"}, {"TORCHELASTIC_RESTART_COUNT": "1"})
    }
    assert len(folders) == 3
    assert folder(here, first) == folder(beside, first) != folder(other, first)
    shared = {**first, SHARED: "together"}
    assert folder(here, shared) == folder(other, shared)


def test_a_rank_that_lives_is_waited_for_only_so_long(tmp_path: Path) -> None:
    own = diagnose(overhear(named("stale-gradient").healthy))
    leader = Meeting(Place(0, 3, 0, 3), tmp_path / "m", shared=False)
    Meeting(Place(1, 3, 1, 3), tmp_path / "m", shared=False)
    told = leader.told(own, patience=0.1)
    assert told is not None
    assert [one.missing.split(";")[0] for one in told.ranks] == [
        "",
        "it was still running when this report was made",
        "it was not heard of",
    ]
    assert not (tmp_path / "m").exists()


def test_only_one_tells_and_who_comes_late_is_silent(tmp_path: Path) -> None:
    first = Meeting(Place(0, 2, 0, 2), tmp_path / "m", shared=False)
    second = Meeting(Place(1, 2, 1, 2), tmp_path / "m", shared=False)
    assert first.told(Report([], [], {}), patience=0) is not None
    assert second.told(Report([], [], {}), patience=0) is None


def test_a_folder_of_somebody_else_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(PermissionError):
        Meeting(Place(0, 2, 0, 2), tmp_path / "m", shared=False)

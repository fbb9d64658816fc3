"""The field test's manifest can be run, and its page says what the manifest judged."""

from __future__ import annotations

import gzip
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fivestep.rules import catalogue

ROOT = Path(__file__).resolve().parents[1]
FIELD = ROOT / "benchmarks" / "field"
sys.path.insert(0, str(FIELD))  # its modules import each other by their bare names
manifest, table, runner, stand_ins = map(
    import_module, ("manifest", "table", "runner", "stand_ins")
)
sys.path.remove(str(FIELD))

SCRIPTS = manifest.read()
NAMES = [one.name for one in SCRIPTS]


def the_page() -> str:
    return (ROOT / "docs" / "field-test.md").read_text(encoding="utf-8")


def rows(text: str) -> dict[tuple[str, str], str]:
    """The table rows of a page: address and variant of a script -> its cell of findings."""
    found: dict[tuple[str, str], str] = {}
    for line in (line for line in text.splitlines() if "/blob/" in line):
        cells = [cell.strip() for cell in line.split("|")][1:-1]
        script = re.fullmatch(r"\[.+\]\((https://\S+)\) ?(\w*)", cells[0])
        assert script, cells[0]
        assert script.groups() not in found, "a script stands twice on the page"
        found[script[1], script[2]] = cells[-1]
    return found


def cell(script: Any) -> str:
    return "<br>".join(table.verdict(one) for one in script.judgements)


# --- the manifest -------------------------------------------------------------------------------


def test_thirty_scripts_of_several_people() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 30
    assert len({one.repository.name.split("/")[0] for one in SCRIPTS}) >= 5


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_an_entry_can_be_run_again(script: Any) -> None:
    assert re.fullmatch(r"[0-9a-f]{40}", script.repository.commit)
    assert set(script.data.values()) <= set(stand_ins.MAKERS)
    assert all(one.old != one.new and one.old for one in script.edits)
    for pattern in script.unstable:
        re.compile(pattern)


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_every_judgement_names_a_rule_and_a_reason(script: Any) -> None:
    for one in script.judgements:
        assert one.rule in catalogue()
        assert one.verdict in manifest.VERDICTS
        assert len(one.reason.split()) >= 4
        assert "|" not in one.reason, "it would break the table"


def test_no_line_of_the_scripts_is_copied() -> None:
    """An edit is a fragment, no passage: the scripts stay where they are."""
    parts = [part for one in SCRIPTS for edit in one.edits for part in (edit.old, edit.new)]
    assert all(part.count("\n") <= 1 and len(part) <= 80 for part in parts)


def test_an_unknown_field_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "manifest.toml"
    path.write_text(
        '[commits]\n"a/b" = "0"\n[[scripts."a/b"]]\npath = "x.py"\nverdict = "right"\n',
        encoding="utf-8",
    )
    with pytest.raises(TypeError, match="verdict"):
        manifest.read(path)


# --- the page -----------------------------------------------------------------------------------


def test_every_script_is_a_row_and_every_finding_is_judged() -> None:
    found = rows(the_page())
    assert sorted(found) == sorted((one.address, one.variant) for one in SCRIPTS)
    for script in SCRIPTS:
        assert found[script.address, script.variant] == cell(script), script.name


def test_the_summary_counts_the_rows() -> None:
    text = the_page()
    numbers = dict(re.findall(r"^\| ([\w ,]+) \| ([\d,]+) \|$", text, re.MULTILINE))
    judged = [one.verdict for script in SCRIPTS for one in script.judgements]
    assert numbers["scripts"] == str(len(SCRIPTS))
    assert numbers["findings"] == str(len(judged))
    for verdict in manifest.VERDICTS:
        assert numbers[f"judged {verdict}"] == str(judged.count(verdict))


def outcome(name: str, *rules: str) -> Any:
    found = [runner.Found(rule, "wrong", 1, "x") for rule in rules]
    return runner.Outcome(name, 0, 0, True, 5, found)


def test_a_finding_that_nobody_judged_is_seen_on_the_page() -> None:
    script = replace(
        SCRIPTS[0], judgements=[manifest.Judgement("kept-graph", "right", "it keeps the graph")]
    )
    seen = table.row(script, outcome(script.name, "stale-gradient"))
    assert "`stale-gradient` not judged" in seen
    assert "`kept-graph` was judged and is no longer found" in seen
    assert seen.count(" | ") == table.row(SCRIPTS[0], outcome("x")).count(" | ")


def test_two_findings_of_one_rule_need_two_judgements() -> None:
    judged = manifest.Judgement("kept-graph", "right", "it keeps the graph")
    found = outcome("x", "kept-graph", "kept-graph").findings
    assert table.findings(found, [judged]).count("not judged") == 1
    assert "not judged" not in table.findings(found, [judged, judged])


# --- how it runs --------------------------------------------------------------------------------


@pytest.fixture
def mirror(tmp_path: Path) -> tuple[Any, Path]:
    """A script in a repository of its own, as `--mirrors` would find it."""
    base = tmp_path / "mirrors" / "some+body"
    (base / "deep").mkdir(parents=True)
    text = "import torch, sys\nfrom pathlib import Path\nN = 3000\n"
    text += "print(N, torch.rand(1).item(), Path('data/input.txt').is_file(), sys.argv[1:])\n"
    (base / "deep" / "train.py").write_text(text, encoding="utf-8")
    known = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*known, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=base, check=True)
    head = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(head, cwd=base, check=True, capture_output=True, text=True).stdout
    return (
        manifest.Script(
            manifest.Repository("some/body", commit.strip()), "deep/train.py", ["--a", "b"],
            {"data": "text"}, [manifest.Edit("N = 3000", "N = 3")],
        ),
        tmp_path / "mirrors",
    )  # fmt: skip


def test_a_script_runs_twice_alike(mirror: tuple[Any, Path], tmp_path: Path) -> None:
    script, mirrors = mirror
    seen = runner.run(script, tmp_path / "work", mirrors)
    assert (seen.exit_code, seen.heard_code, seen.problems) == (0, 0, []), seen.error
    assert seen.same_output, "what draws random numbers is seeded"
    said = (tmp_path / "work" / "logs" / "some_body_deep_train.heard.txt").read_text()
    assert re.match(r"3 0\.\d+ True \['--a', 'b'\]", said)


def test_an_edit_that_fits_nowhere_is_refused(mirror: tuple[Any, Path], tmp_path: Path) -> None:
    script, mirrors = mirror
    with pytest.raises(ValueError, match="mend its edit"):
        runner.run(replace(script, edits=[manifest.Edit("M = 1", "M = 2")]), tmp_path, mirrors)


def test_outputs_that_differ_are_told(mirror: tuple[Any, Path], tmp_path: Path) -> None:
    script, mirrors = mirror
    clock = manifest.Edit("N = 3000", "import time; N = time.time_ns()")
    assert not runner.run(replace(script, edits=[clock]), tmp_path / "a", mirrors).same_output
    known = replace(script, edits=[clock], unstable=[r"^\d+"])
    assert runner.run(known, tmp_path / "b", mirrors).same_output


# --- the data that stands in --------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(set(stand_ins.MAKERS) - {"folder"}))
def test_data_is_made_the_same_each_time(kind: str, tmp_path: Path) -> None:
    for folder in ("one", "other"):
        stand_ins.MAKERS[kind](tmp_path / folder)
    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert files
    for file in files:
        other = tmp_path / "other" / file.relative_to(tmp_path / "one")
        assert len(file.read_bytes()) > 100
        assert file.read_bytes() == other.read_bytes()


def test_mnist_is_read_as_its_own_format_says(tmp_path: Path) -> None:
    stand_ins.idx_files(tmp_path)
    raw = (tmp_path / "train-images-idx3-ubyte").read_bytes()
    assert np.frombuffer(raw[:16], ">u4").tolist() == [0x803, 1400, 28, 28]
    assert len(raw) == 16 + 1400 * 28 * 28
    labels = np.frombuffer((tmp_path / "t10k-labels-idx1-ubyte").read_bytes()[8:], np.uint8)
    assert set(labels.tolist()) == set(range(10))


def test_cifar_repeats_each_picture_in_three_channels(tmp_path: Path) -> None:
    stand_ins.cifar(tmp_path)
    batch = pickle.loads((tmp_path / "cifar-10-batches-py" / "data_batch_1").read_bytes())
    colours = batch["data"].reshape(-1, 3, 32, 32)
    assert len(colours) == len(batch["labels"]) == 280
    assert (colours[:, 0] == colours[:, 2]).all()
    assert colours.std(axis=(1, 2, 3)).min() > 0


def test_the_zipped_digits_are_the_digits(tmp_path: Path) -> None:
    stand_ins.idx_files(tmp_path / "plain")
    stand_ins.idx_zipped(tmp_path / "zipped")
    for path in (tmp_path / "plain").iterdir():
        assert gzip.decompress((tmp_path / "zipped" / f"{path.name}.gz").read_bytes()) == (
            path.read_bytes()
        )

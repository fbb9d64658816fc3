"""Fetch the scripts, give them their data, run each by itself and under the doctor."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from manifest import Repository, Script
from stand_ins import MAKERS

OFFLINE = Path(__file__).with_name("offline")
LIMIT = 900.0  # seconds for one run; on a machine of its own nearly all need less than 60
REPEATABLE = {
    "OMP_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",  # figures are drawn, none is shown
    "PYTHONHASHSEED": "0",
    "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",  # scripts from before 2.6 load whole models
    "PYTHONWARNINGS": "ignore",
    "CUDA_VISIBLE_DEVICES": "",
}


@dataclass(slots=True)
class Found:
    """A finding, without the doctor's explanations."""

    rule: str
    severity: str
    line: int
    message: str


@dataclass(slots=True)
class Outcome:
    """What happened to one script: plain, for a table and for JSON."""

    name: str
    exit_code: int  # by itself
    heard_code: int  # under the doctor
    same_output: bool
    iterations: int
    findings: list[Found] = field(default_factory=list[Found])
    problems: list[str] = field(default_factory=list[str])
    seconds: tuple[float, float] = (0.0, 0.0)  # by itself, under the doctor
    error: str = ""  # the last line of standard error where a run failed

    @classmethod
    def load(cls, path: Path) -> Outcome:
        """Read one back from its JSON."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        kept["findings"] = [Found(**one) for one in kept["findings"]]
        return cls(**kept)


def fetch(repository: Repository, work: Path, mirrors: Path | None) -> Path:
    """Bring the Python files of a repository at its commit into the work folder."""
    into = work / "sources" / repository.name.replace("/", "+")
    if not into.is_dir():
        partial = into.with_name(into.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        git = _mirror(repository, mirrors) if mirrors else _clone(repository, work)
        archive = ["git", f"--git-dir={git}", "archive", repository.commit, "--", "*.py"]
        files = subprocess.run(archive, check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "-x", "-C", str(partial)], input=files, check=True)
        partial.rename(into)
    return into


def _clone(repository: Repository, work: Path) -> Path:
    git = work / "clones" / repository.name.replace("/", "+")
    if not git.is_dir():
        few = ["--quiet", "--bare", "--filter=blob:none"]
        subprocess.run(["git", "clone", *few, repository.address, str(git)], check=True)
    return git


def _mirror(repository: Repository, mirrors: Path) -> Path:
    base = mirrors / repository.name.replace("/", "+")
    places = [base / "repo" / ".git", base / "repo", base / ".git", base]
    return next(place for place in places if (place / "HEAD").is_file())


def run(script: Script, work: Path, mirrors: Path | None) -> Outcome:
    """Run one script twice, each time in a fresh folder: by itself, then under the doctor."""
    source = fetch(script.repository, work, mirrors)
    report = work / "reports" / f"{_slug(script.name)}.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    said = ["--json", str(report), "--record", str(report.with_suffix(".vitals"))]
    alone = _once(script, source, work, [])
    heard = _once(script, source, work, ["-m", "fivestep", "run", *said])
    return _outcome(script, alone, heard, report)


@dataclass(slots=True)
class _Done:
    code: int
    output: str
    errors: str
    seconds: float


def _once(script: Script, source: Path, work: Path, doctor: list[str]) -> _Done:
    folder = work / "runs" / _slug(script.name)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder / "repository")
    place = (folder / "repository" / script.path).parent
    _furnish(script, place, work)
    command = [sys.executable, *script.launch, *doctor, Path(script.path).name, *script.arguments]
    started = time.monotonic()
    done = _process(command, place, place / script.root)
    done.seconds = time.monotonic() - started
    log = work / "logs" / f"{_slug(script.name)}.{'heard' if doctor else 'alone'}.txt"
    log.parent.mkdir(exist_ok=True)
    log.write_text(done.output + done.errors, encoding="utf-8")
    return done


def _process(command: list[str], place: Path, root: Path) -> _Done:
    """Run to the end or the limit; output is kept in both cases."""
    ours = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    known = [OFFLINE, *(Path(one).resolve() for one in ours), root.resolve()]
    around = {**os.environ, **REPEATABLE, "PYTHONPATH": os.pathsep.join(map(str, known))}
    try:
        done = subprocess.run(
            command, cwd=place, env=around, capture_output=True, timeout=LIMIT, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        return _Done(124, _words(late.stdout), _words(late.stderr), 0.0)
    return _Done(done.returncode, _words(done.stdout), _words(done.stderr), 0.0)


def _words(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")


def _furnish(script: Script, place: Path, work: Path) -> None:
    """Put the data where the script looks for it, and make the edits of the manifest."""
    for where, kind in script.data.items():
        made = work / "data" / kind
        if not made.is_dir():
            partial = made.with_name(f"{kind}.{os.getpid()}")
            MAKERS[kind](partial)
            partial.rename(made)
        shutil.copytree(made, place / where, dirs_exist_ok=True)
    for edit in script.edits:
        file = place / (edit.file or Path(script.path).name)
        text = file.read_text(encoding="utf-8")
        if edit.old not in text:
            raise ValueError(f"{script.name} has no {edit.old!r}; do: mend its edit")
        file.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def _outcome(script: Script, alone: _Done, heard: _Done, report: Path) -> Outcome:
    said = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
    same = _stable(script, alone.output) == _stable(script, heard.output)
    findings = [
        Found(one["rule"], one["severity"], one["line"] or 0, one["message"])
        for one in said.get("findings", [])
    ]
    failed = alone if alone.code else heard if heard.code else None
    error = (failed.errors.strip().splitlines() or [""])[-1] if failed else ""
    return Outcome(
        script.name, alone.code, heard.code, same, said.get("iterations", 0), findings,
        said.get("problems", [] if said else ["no report"]), (alone.seconds, heard.seconds), error,
    )  # fmt: skip


def _stable(script: Script, output: str) -> str:
    for pattern in script.unstable:
        output = re.sub(pattern, "", output)
    if script.launch:  # several processes write, each when it comes to it
        output = "\n".join(sorted(output.splitlines()))
    return output


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "_", name).removesuffix(".py")

"""The committed component is what its source builds, and stays small."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from node import PAGE, modules

STATIC = PAGE.parent / "src" / "fivestep" / "page" / "static"
LIMIT = 224_000  # bytes: the loop stepped through, and the trainings watched


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    modules()
    folder = tmp_path_factory.mktemp("static")
    node = shutil.which("node")
    assert node
    subprocess.run([node, PAGE / "build.mjs", folder], check=True, timeout=120)
    return folder


def test_the_committed_files_are_fresh(built: Path) -> None:
    names = sorted(path.name for path in built.iterdir())
    assert names == ["component.js", "component.js.LEGAL.txt", "index.html"]
    assert names == sorted(path.name for path in STATIC.iterdir())
    for name in names:
        fresh = (built / name).read_bytes() == (STATIC / name).read_bytes()
        assert fresh, f"{name} is older than page/src\n  do: make page"


def test_a_changed_source_is_seen(built: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(
        PAGE, tmp_path / "page", ignore=shutil.ignore_patterns("node_modules", ".*")
    )
    (copy / "node_modules").symlink_to(PAGE / "node_modules", target_is_directory=True)
    words = copy / "src" / "words.ts"
    text = words.read_text(encoding="utf-8")
    words.write_text(text.replace("moves the parameters", "turns the parameters"), encoding="utf-8")
    node = shutil.which("node")
    assert node
    subprocess.run([node, copy / "build.mjs", tmp_path / "static"], check=True, timeout=120)
    changed = (tmp_path / "static" / "component.js").read_bytes()
    assert changed != (built / "component.js").read_bytes()


def test_the_types_hold() -> None:
    tsc = modules() / "typescript" / "bin" / "tsc"
    node = shutil.which("node")
    assert node
    done = subprocess.run(
        [node, tsc, "--noEmit"], cwd=PAGE, check=False, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_component_is_small_and_names_its_licences() -> None:
    component = STATIC / "component.js"
    assert component.stat().st_size < LIMIT
    head = component.read_text(encoding="utf-8")[:200]
    assert "component.js.LEGAL.txt" in head
    licences = (STATIC / "component.js.LEGAL.txt").read_text(encoding="utf-8")
    for holder in ("Jason Miller", "Leon Sorokin"):
        assert holder in licences
    assert licences.count("Permission is hereby granted") == 2


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert "://" not in page
    component = (STATIC / "component.js").read_text(encoding="utf-8")
    assert "import(" not in component
    assert "eval(" not in component

"""Node and what page/package-lock.json names, for the tests that need them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

PAGE = Path(__file__).resolve().parents[2] / "page"


def modules() -> Path:
    """The folder of the installed packages; installs them where they are missing or older."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no Node here, and the component is built with it; the workflow has it")
    folder, wanted = PAGE / "node_modules", PAGE / "package-lock.json"
    done = folder / ".package-lock.json"
    with FileLock(PAGE / ".install.lock"):  # the tests' workers share the folder
        if not done.exists() or done.stat().st_mtime < wanted.stat().st_mtime:
            command = [npm, "ci", "--no-fund", "--no-audit"]
            subprocess.run(command, cwd=PAGE, check=True, timeout=240)
            done.touch()
    return folder

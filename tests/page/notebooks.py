"""Real notebook servers for the tests: JupyterLab and marimo, on loopback, behind a token."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

TOKEN = "only-for-this-test"
PATIENCE = 120  # seconds for a server on a busy machine


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def jupyterlab(folder: Path) -> Generator[str]:
    """JupyterLab with its root in a folder; its address."""
    port = free_port()
    command = ["jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
               f"--ServerApp.token={TOKEN}", f"--ServerApp.root_dir={folder}",
               "--expose-app-in-browser", "--LabApp.news_url=None"]  # fmt: skip
    own = {name: str(folder / "own") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    own |= {"JUPYTER_RUNTIME_DIR": str(folder / "own"), "IPYTHONDIR": str(folder / "own")}
    with _served(command, folder, own, f"http://127.0.0.1:{port}/api?token={TOKEN}"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def marimo(notebook: Path) -> Generator[str]:
    """Marimo with one notebook, run as an app; the address of it."""
    port = free_port()
    command = ["marimo", "run", "--headless", "--host", "127.0.0.1", "--port", str(port),
               "--token-password", TOKEN, str(notebook)]  # fmt: skip
    home = str(notebook.parent)
    folders: tuple[str, ...] = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
    own: dict[str, str] = dict.fromkeys(folders, home)
    with _served(command, notebook.parent, own, f"http://127.0.0.1:{port}/health"):
        yield f"http://127.0.0.1:{port}/?access_token={TOKEN}"


@contextmanager
def _served(
    command: Sequence[str], folder: Path, own: dict[str, str], health: str
) -> Generator[None]:
    path = os.pathsep.join(filter(None, sys.path))
    env = os.environ | own | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    log = folder / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, env=env, stdout=out, stderr=out
        )
        try:
            _wait(process, health, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except (OSError, urllib.error.URLError):
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"the server did not start: {log.read_text()[-2000:]}")


def write(path: Path, cells: Sequence[str]) -> None:
    """A notebook of code cells."""
    made = [
        {"cell_type": "code", "id": f"c{place}", "source": text, "metadata": {}, "outputs": [],
         "execution_count": None}
        for place, text in enumerate(cells)
    ]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3"}
    whole = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(whole), encoding="utf-8")

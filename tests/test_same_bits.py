"""Listening changes nothing: every loss, every printed line and every random number is the same.

Over all programs of the gallery and the examples, run twice in the same process.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import random
import runpy
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fivestep.doctor import listen

TESTS = Path(__file__).parent
EXAMPLES = TESTS.parent / "examples"
SLOW = {"bytes", "digits", "minibatches", "wrong_loss"}  # minutes; fit is in others too
GALLERY = sorted((TESTS / "gallery").glob("*.py"))
SCRIPTS = sorted(
    path
    for path in (*EXAMPLES.glob("*.py"), *(EXAMPLES / "broken").glob("*.py"))
    if path.stem not in SLOW
)


def _call_main(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(f"same_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main()


def _run_script(path: Path) -> None:
    with contextlib.suppress(SystemExit):
        runpy.run_path(str(path), run_name="__main__")


class Heard:
    """What a program did: the losses it asked for gradients, what it printed, what it drew."""

    def __init__(self, program: Callable[[], None]) -> None:
        self.losses: list[str] = []
        self.error = ""
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        page = io.StringIO()
        original = torch.autograd.backward

        def noting(tensors: Any, *about: Any, **more: Any) -> Any:
            several = (tensors,) if isinstance(tensors, torch.Tensor) else tensors
            self.losses += [str(one.detach().double().sum().item()) for one in several]
            return original(tensors, *about, **more)

        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(page):
            patch.setattr(torch.autograd, "backward", noting)
            try:
                program()
            except Exception as error:
                self.error = repr(error)
        self.printed = page.getvalue()
        self.drawn = torch.rand(4).tolist(), random.random(), float(np.random.rand())


def _compare(program: Callable[[], None]) -> None:
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone = Heard(program)
        with listen() as doctor:
            heard = Heard(program)
    assert not doctor.record.problems
    assert heard.losses == alone.losses
    assert heard.printed == alone.printed
    assert heard.error == alone.error
    assert heard.drawn == alone.drawn


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_a_program_of_the_gallery_is_the_same_to_the_bit(path: Path) -> None:
    _compare(lambda: _call_main(path))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_is_the_same_to_the_bit(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def anew() -> None:
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)  # what is saved there is gone on with
        _run_script(path)

    _compare(anew)

"""The file that sets up a training: run, and what it defines collected."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

NEEDED = ("model", "loss_fn", "optimizer", "data")
OPTIONS = ("batch_size", "items", "forward")


class SetupError(Exception):
    """The file itself failed; the message is its traceback."""


def load(path: str) -> ModuleType:
    """Import a file by its path, under its own name and never as ``__main__``.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no Python file, or has the name of a module that is loaded.
    """
    file = Path(path).resolve()  # as its code objects name it, whatever the directory
    if not file.is_file():
        raise FileNotFoundError(
            f"{path} is no file; the path of a Python file was expected\n"
            "  do: fivestep prove train_setup.py"
        )
    spec = spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ValueError(
            f"{path} cannot be imported; a .py file was expected\n  do: name one that ends in .py"
        )
    _refuse_taken(file)
    module = module_from_spec(spec)
    sys.modules[file.stem] = module  # classes made in it are looked up by this name
    sys.path.insert(0, str(file.parent))
    with _told(file):
        spec.loader.exec_module(module)
    return module


def _refuse_taken(file: Path) -> None:
    loaded = sys.modules.get(file.stem)
    if loaded is not None and getattr(loaded, "__file__", None) != str(file):
        raise ValueError(
            f"{file.name} has the name of the module {file.stem}, which is loaded already and "
            "would be replaced by it\n  do: give the file another name"
        )


@contextmanager
def _told(file: Path) -> Generator[None]:
    """What the user's own file raises is told with its traceback."""
    try:
        yield
    except Exception as error:
        raise SetupError(_traceback(error, file)) from error


def _traceback(error: Exception, file: Path) -> str:
    trace = error.__traceback__
    while trace is not None and Path(trace.tb_frame.f_code.co_filename) != file:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def found(module: ModuleType, path: str) -> dict[str, Any]:
    """Collect what the file defines.

    Raises:
        ValueError: something is missing, or the data is given twice.
        TypeError: ``setup()`` returned no dict.
    """
    defined = _from_setup(module, path)
    if "train" in defined and not isinstance(defined["train"], FunctionType):
        if "data" in defined:
            raise ValueError(
                f"{path} defines data and train, and both are what is trained on\n"
                "  do: leave one of them out"
            )
        defined["data"] = defined["train"]
    missing = [name for name in NEEDED if name not in defined]
    if missing:
        has = [name for name in NEEDED if name in defined]
        raise ValueError(
            f"{path} defines {_listed(has) or 'nothing of what is needed'}; "
            f"{_listed(missing)} {'is' if len(missing) == 1 else 'are'} missing\n"
            f"  do: give {'it' if len(missing) == 1 else 'them'} at the top of the file, or let "
            "setup() return a dict with model, loss_fn, optimizer and data"
        )
    return {name: defined[name] for name in (*NEEDED, *OPTIONS) if name in defined}


def _from_setup(module: ModuleType, path: str) -> dict[str, Any]:
    setup = getattr(module, "setup", None)
    if not callable(setup):
        return vars(module).copy()
    with _told(Path(path).resolve()):
        returned: Any = setup()
    if not isinstance(returned, dict):
        raise TypeError(
            f"setup() of {path} returned {type(returned).__name__}, and a dict was expected\n"
            '  do: return {"model": ..., "loss_fn": ..., "optimizer": ..., "data": ...}'
        )
    unknown = [name for name in returned if name not in (*NEEDED, *OPTIONS, "train")]
    if unknown:
        raise ValueError(
            f"setup() of {path} returned {_listed(unknown)}, which nothing is done with\n"
            f"  do: choose from {_listed([*NEEDED, *OPTIONS])}"
        )
    return dict(returned)


def _listed(names: list[Any]) -> str:
    words = [str(name) for name in names]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)

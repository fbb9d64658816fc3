"""``%%step``: the loop of a notebook's cell, one of its five steps at a time.

    %%step
    for x, y in loader:
        ...

IPython is not imported here, and torch not before the magic is used.
"""
# IPython's parts are partly untyped, and the shell is whichever one loads us.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import argparse
import shlex
from typing import Any, NoReturn


class _Options(argparse.ArgumentParser):
    """Options whose mistakes end the cell, not the kernel."""

    def __init__(self) -> None:
        super().__init__(prog="%%step", add_help=False, allow_abbrev=False)
        self.add_argument("--name", metavar="VAR", help="keep the loop in this variable")

    def error(self, message: str) -> NoReturn:
        from IPython.core.error import UsageError

        raise UsageError(f"{message}\n  do: {self.format_usage().strip()}")


def load(shell: Any) -> None:
    """Give a shell of IPython the cell magic ``%%step``."""

    def magic(line: str, text: str) -> None:
        __tracebackhide__ = True
        _step(shell, line, text)

    magic.__doc__ = f"Step through this cell's loop.\n\n{_Options().format_help()}"
    shell.register_magic_function(magic, "cell", "step")


def unload(shell: Any) -> None:
    """Take ``%%step`` away again."""
    shell.magics_manager.magics["cell"].pop("step", None)


def _step(shell: Any, line: str, text: str) -> None:
    from IPython.display import display

    from fivestep.notebook import compiled
    from fivestep.page.widget import live
    from fivestep.report.place import cell as cell_of
    from fivestep.stepping import Stepped
    from fivestep.vitals import Site

    assert live  # says what is missing before anything runs
    given = _Options().parse_args(shlex.split(line))
    code = compiled(shell, text, "%%step")

    def loop() -> None:
        for part in code:
            exec(part, shell.user_global_ns, shell.user_ns)

    file = code[0].co_filename if code else ""
    made = Stepped(loop, f"Cell {cell_of(Site(file, 1, '')) or ''}".strip(), file)
    made.start()
    if given.name:
        shell.user_ns[given.name] = made
    display(made.page())

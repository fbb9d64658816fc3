"""``%load_ext fivestep`` and ``%%listen``: the doctor in a notebook.

    %%listen --ignore tiny-update --name doctor
    for x, y in loader:
        ...

The cell runs as it would without the first line. Then its report is shown, and if the cell raised
an error, that comes after it. IPython is not imported here: it hands itself over.
"""
# IPython's parts are partly untyped, and the shell is whichever one loads us.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import argparse
import ast
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from fivestep.doctor import Doctor

_EXPRESSION = "last_expr"


class _Options(argparse.ArgumentParser):
    """Options whose mistakes end the cell, not the kernel."""

    def __init__(self) -> None:
        super().__init__(prog="%%listen", add_help=False, allow_abbrev=False)
        self.add_argument("--rules", metavar="NAMES", help="only these, separated by commas")
        self.add_argument("--ignore", metavar="NAMES", default="", help="not these")
        self.add_argument("--name", metavar="VAR", help="keep the Doctor in this variable")
        self.add_argument("--json", metavar="FILE", help="write the report as JSON, too")

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}\n  do: {self.format_usage().strip()}")


def load(shell: Any) -> None:
    """Give a shell of IPython the cell magic ``%%listen``."""

    def listen(line: str, cell: str) -> None:
        __tracebackhide__ = True
        _listen(shell, line, cell)

    listen.__doc__ = f"Listen to this cell, then say what is wrong.\n\n{_Options().format_help()}"
    shell.register_magic_function(listen, "cell", "listen")


def unload(shell: Any) -> None:
    """Take ``%%listen`` away again."""
    shell.magics_manager.magics["cell"].pop("listen", None)


def _listen(shell: Any, line: str, cell: str) -> None:
    __tracebackhide__ = True
    from fivestep.doctor import listen

    given = _given(line)
    doctor = listen()
    if given.name:
        shell.user_ns[given.name] = doctor
    code = compiled(shell, cell, "%%listen")
    try:
        with doctor:
            for part in code:
                exec(part, shell.user_global_ns, shell.user_ns)
    finally:  # a cell that raises is one that has something to be told
        _tell(doctor, given)


def _given(line: str) -> argparse.Namespace:
    """The options, checked before anything runs; a mistake is told without a traceback."""
    __tracebackhide__ = True
    from IPython.core.error import UsageError

    from fivestep.rules import chosen

    try:
        given = _Options().parse_args(shlex.split(line))
        given.rules, given.ignore = chosen(given.rules), chosen(given.ignore) or []
        if given.name and not given.name.isidentifier():
            raise ValueError(f"--name {given.name!r} is no name of a variable\n  do: --name doctor")
    except ValueError as error:
        raise UsageError(str(error)) from None
    return given


def _tell(doctor: Doctor, given: argparse.Namespace) -> None:
    from IPython.display import display

    from fivestep.report import write_json

    report = doctor.report(rules=given.rules, ignore=given.ignore)
    display(report)
    if given.json:
        write_json(report, given.json)


def compiled(shell: Any, cell: str, magic: str) -> list[Any]:
    """The body of a cell below a magic, its lines numbered as in the cell."""
    above, number = _above(shell, cell, magic)
    return _compiled(shell, _numbered(above, cell), number)


def _above(shell: Any, cell: str, magic: str) -> tuple[list[str], int]:
    """The lines of the cell that stand above its body, and its number."""
    written = getattr(shell.history_manager, "input_hist_raw", None) or [""]
    above, found, _ = written[-1].partition(cell.rstrip("\n"))
    if found and above:
        return above.splitlines(), len(written) - 1
    return [magic], shell.execution_count  # run by a program, which keeps no history


def _numbered(above: list[str], cell: str) -> str:
    """The body with the lines above it as comments, so that its own lines keep their numbers."""
    if cell.lstrip().startswith("%%"):  # another magic, and that must stand first
        return cell
    return "".join(f"# {line}\n" for line in above) + cell


def _compiled(shell: Any, text: str, number: int) -> list[Any]:
    """The cell as IPython would compile it: its last expression is shown."""
    plain = shell.transform_cell(text)
    file = shell.compile.cache(plain, number, raw_code=text)
    body = shell.transform_ast(shell.compile.ast_parse(plain, filename=file)).body
    shows = shell.ast_node_interactivity == _EXPRESSION and body and isinstance(body[-1], ast.Expr)
    last = [body.pop()] if shows else []
    make: Callable[..., Any] = shell.compile
    code = [make(ast.Module(body, []), file, "exec")] if body else []
    return code + [make(ast.Interactive([one]), file, "single") for one in last]

"""The repository tests itself: its map, its one direction, its promises to the reader.

What README.md must hold for this: a heading with the words "The map", and under it one fenced block
with a line ``name.py   what it is`` for every ``*.py`` below src/fivestep (``folder/   what it is``
stands for a whole folder), in the order of the imports: each only from those above it.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module, metadata
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from torch import nn

import fivestep
from fivestep.loop import Step, train

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "fivestep"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
EXCEPTED = {"__init__.py", "__main__.py"}  # the doors: they may open onto every room


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


@cache
def project() -> dict[str, Any]:
    return tomllib.loads(read("pyproject.toml"))


def run(*command: str, **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- The map ----------------------------------------------------------------------------------


def the_map(readme: str) -> dict[str, str]:
    """Read the map, in its order: what each file or folder of the package is."""
    found = re.search(r"^#+ The map$.*?^```\w*\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert found, "README.md needs a heading 'The map' and a fenced block under it"
    lines = [line.split(maxsplit=1) for line in found[1].splitlines() if line.strip()]
    names = [line[0] for line in lines]
    assert len(set(names)) == len(names), "a name stands twice in README's map"
    assert all(len(line) == 2 for line in lines), "each line of README's map says what the file is"
    return dict(lines)


def room(module: str, rooms: Iterable[str]) -> str:
    """Find the line of the map that a module belongs to: its own, or that of its folder."""
    return next((r for r in rooms if r.endswith("/") and module.startswith(r)), module)


def test_the_map_is_the_disk() -> None:
    rooms = list(the_map(read("README.md")))
    assert sorted({room(module, rooms) for module in MODULES}) == sorted(rooms)


def test_the_map_can_be_read() -> None:
    readme = (
        "# x\n\n## The map\n\nwords\n\n```\na.py   the first\nb/     more\n```\n\n```\nc\n```\n"
    )
    assert the_map(readme) == {"a.py": "the first", "b/": "more"}
    assert [room(m, ["a.py", "b/"]) for m in ("a.py", "b/c.py", "d.py")] == ["a.py", "b/", "d.py"]
    for wrong in ("", "## The map\n", readme.replace("b/ ", "a.py"), readme.replace("more", "")):
        with pytest.raises(AssertionError):
            the_map(wrong)


def imported(source: ast.Module, package: str = "fivestep") -> Iterator[str]:
    """Name every module of ours that a module imports, wherever in its text, and for types too."""
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package if node.level else ""
            origin = ".".join(filter(None, [base, node.module]))
            names = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (
            name.removeprefix("fivestep.") for name in names if name.startswith("fivestep.")
        )


def file_of(name: str) -> str:
    """Find the file behind ``loop.train``, ``loop`` or ``train``."""
    first = name.split(".")[0]
    if f"{first}.py" in MODULES:
        return f"{first}.py"
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        path = "/".join(parts[:end])
        for candidate in (f"{path}.py", f"{path}/__init__.py"):
            if candidate in MODULES:
                return candidate
    home: str = fivestep._HOMES.get(first, "__init__")  # pyright: ignore
    return f"{home.replace('.', '/')}.py"


def backward_imports(rooms: list[str]) -> list[str]:
    order = {name: place for place, name in enumerate(rooms)}
    return [
        f"{module} imports {target}"
        for module in MODULES
        if module not in EXCEPTED
        for target in sorted({file_of(name) for name in imported(tree(module))})
        if order[room(target, rooms)] > order[room(module, rooms)] or target in EXCEPTED
    ]


def test_imports_run_one_way() -> None:
    assert backward_imports(list(the_map(read("README.md")))) == []


def test_an_import_against_the_stream_is_seen() -> None:
    """An order with the heart at the end: everything that imports it must be reported."""
    order = [module for module in MODULES if module != "loop.py"] + ["loop.py"]
    assert "scratch.py imports loop.py" in backward_imports(order)


def test_every_kind_of_import_is_seen() -> None:
    text = """
import fivestep.loop
from fivestep import check, train
from fivestep.run import Run
from .split import split
from . import fit
import torch
if TYPE_CHECKING:
    from fivestep.batches import Batches
def late():
    from fivestep.closure import demands_closure
"""
    files = {file_of(name) for name in imported(ast.parse(text))}
    names = ("loop", "check", "run", "split", "fit", "batches", "closure")
    assert files == {f"{name}.py" for name in names}


# --- The public names -------------------------------------------------------------------------


def test_all_homes_and_imports_for_types_agree() -> None:
    homes: dict[str, str] = fivestep._HOMES  # pyright: ignore
    assert set(fivestep.__all__) == {*homes, "__version__"}
    typed = next(node for node in tree("__init__.py").body if isinstance(node, ast.If))
    assert ast.unparse(typed.test) == "TYPE_CHECKING"
    promised = {
        alias.name: (node.module or "").removeprefix("fivestep.")
        for node in typed.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert promised == homes
    assert dir(fivestep) == sorted(fivestep.__all__)


@pytest.mark.parametrize("name", fivestep.__all__)
def test_public_name(name: str) -> None:
    value = getattr(fivestep, name)
    if name == "__version__":
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*", value)
        return
    assert value.__name__ == name
    assert value.__module__ == f"fivestep.{fivestep._HOMES[name]}"  # pyright: ignore
    assert inspect.getdoc(value)


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(AttributeError, match="'fivestep' has no attribute 'tarin'"):
        _ = fivestep.tarin  # pyright: ignore


@pytest.mark.parametrize(
    "name",
    [name for name, home in fivestep._HOMES.items() if name == home],  # pyright: ignore
)
def test_a_function_is_not_hidden_by_the_module_of_its_name(name: str) -> None:
    first = f"from importlib import import_module; import_module('fivestep.{name}')"
    code = f"{first}; import fivestep; print(type(fivestep.{name}).__name__)"
    assert run(sys.executable, "-c", code).strip() == "function"


def public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in body:
        named = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        if named and not node.name.startswith("_"):
            yield node


def undocumented(source: ast.Module) -> Iterator[str]:
    classes = {node.name: node for node in source.body if isinstance(node, ast.ClassDef)}
    for node in public(source.body):
        if ast.get_docstring(node) is None:
            yield node.name
        if isinstance(node, ast.ClassDef):
            for method in public(node.body):
                if not explained(method.name, node, classes):
                    yield f"{node.name}.{method.name}"


def explained(method: str, kind: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> bool:
    """Tell whether the class itself, or a base in the same file, says what the method does."""
    here = any(node.name == method and ast.get_docstring(node) for node in public(kind.body))
    bases = [classes[b.id] for b in kind.bases if isinstance(b, ast.Name) and b.id in classes]
    return here or any(explained(method, base, classes) for base in bases)


@pytest.mark.parametrize("module", MODULES)
def test_whatever_is_public_has_a_docstring(module: str) -> None:
    assert ast.get_docstring(tree(module))
    # The two loops of a rule are told by the docstring of its file, which a test of its own reads.
    loops = {"sick", "healthy"} if module.startswith("rules/") else set[str]()
    assert [name for name in undocumented(tree(module)) if name not in loops] == []


def test_a_missing_docstring_is_seen() -> None:
    text = """
class Base:
    "words"
    def told(self): "words"
class Heir(Base):
    "words"
    def told(self): ...
    def untold(self): ...
    def _private(self): ...
def function(): ...
"""
    assert list(undocumented(ast.parse(text))) == ["Heir.untold", "function"]


def public_functions() -> Iterator[tuple[str, Any]]:
    for name in fivestep.__all__:
        value: Any = getattr(fivestep, name)
        if callable(value) and not (isinstance(value, type) and issubclass(value, Exception)):
            yield name, value


def test_no_public_signature_takes_any_keyword() -> None:
    for name, value in public_functions():
        kinds = {p.kind for p in inspect.signature(value).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds, name


# --- The heart --------------------------------------------------------------------------------


def test_the_heart_stays_small() -> None:
    assert len((PACKAGE / "loop.py").read_text(encoding="utf-8").splitlines()) < 100
    parameters = inspect.signature(train).parameters.values()
    assert [p.name for p in parameters] == ["model", "loss_fn", "optimizer", "batches"]
    assert all(p.default is inspect.Parameter.empty for p in parameters)
    assert {p.kind for p in parameters} == {inspect.Parameter.POSITIONAL_OR_KEYWORD}


def our_frames() -> int:
    """Count the frames of fivestep between here and the start of the program."""
    frame, count = inspect.currentframe(), 0
    while frame is not None:
        count += Path(frame.f_code.co_filename).is_relative_to(PACKAGE)
        frame = frame.f_back
    return count


class Seen(dict[Step, int]):
    """How many frames of ours stood between the user's ``for`` and each step, the first time."""

    def note(self, step: Step) -> None:
        self.setdefault(step, our_frames())


def watched(seen: Seen, make: Any) -> tuple[Any, Any, Any]:
    """A model, a loss and an optimizer that look up the stack when they are used."""

    class Identity(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, inputs: Any) -> Any:  # pyright: ignore
            return inputs.view_as(inputs)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:  # pyright: ignore
            seen.note(Step.BACKWARD)
            return gradient

    class Model(nn.Linear):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:  # pyright: ignore
            seen.note(Step.FORWARD)
            return super().forward(inputs)

    class Optimizer(make):  # pyright: ignore
        def zero_grad(self, set_to_none: bool = True) -> None:
            seen.note(Step.ZERO_GRAD)
            super().zero_grad(set_to_none)

    def note_update(*_: Any) -> None:
        seen.note(Step.UPDATE)

    def loss_fn(prediction: Any, targets: Any) -> Any:
        seen.note(Step.LOSS)
        return Identity.apply(nn.functional.mse_loss(prediction, targets))  # pyright: ignore

    model = Model(2, 1)
    optimizer = Optimizer(model.parameters(), lr=0.1)
    optimizer.register_step_pre_hook(note_update)
    return model, loss_fn, optimizer


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.AdamW, torch.optim.LBFGS])
def test_one_frame_between_the_user_and_each_step(make: Any) -> None:
    seen = Seen()
    model, loss_fn, optimizer = watched(seen, make)
    for moment in train(model, loss_fn, optimizer, [(torch.ones(3, 2), torch.ones(3, 1))]):
        assert moment.step in seen or moment.step is Step.UPDATE
    assert seen == dict.fromkeys(Step, 1)


# --- Start-up ---------------------------------------------------------------------------------

HEAVY = ("torch", "numpy", "pandas", "matplotlib", "sklearn")
LOADED = f"import sys; print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"


@pytest.mark.parametrize(
    "code",
    [
        "import fivestep; dir(fivestep); fivestep.__version__",
        "import sys; sys.argv[1:] = ['--help']; import fivestep.cli; fivestep.cli.main()",
        "import sys; sys.argv[1:] = ['--version']; import fivestep.cli; fivestep.cli.main()",
        "import sys; sys.argv[1:] = ['demo', '--list']; import fivestep.cli; fivestep.cli.main()",
    ],
    ids=["import", "--help", "--version", "demo --list"],
)
def test_start_without_torch(code: str) -> None:
    assert heavy_after(code) == "[]"


def test_torch_is_seen_when_it_is_loaded() -> None:
    assert "torch" in heavy_after("import fivestep; fivestep.fit")


def heavy_after(code: str) -> str:
    """Run a command line to its end and say which heavy packages it has loaded."""
    program = f"import atexit\n@atexit.register\ndef report():\n    {LOADED}\n{code}"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr.strip()


# --- What lies in the repository --------------------------------------------------------------


@cache
def texts() -> dict[str, str]:
    """Read every text that git tracks or would track."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so what belongs to the repository is not known")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    found: dict[str, str] = {}
    for name in filter(None, listed.split("\0")):
        data = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in data:
            found[name] = data.decode("utf-8")
    return found


# Written in pieces, so that this file does not find itself.
UNWANTED = re.compile(
    r"(?<![\w.:/~-])/(?:ho"
    + r"me|ro"
    + r"ot|wo"
    + r"rk)/|[A-Z]:\\+Us"
    + r"ers|\bTO"
    + r"DO\b|\bFIX"
    + "ME"
)


def test_no_path_of_a_machine_and_nothing_left_to_do() -> None:
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if UNWANTED.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "words", ["'/ho me/x", "(/ro ot/", "C:\\\\Us ers", "# TO DO: x", "/wo rk/a"]
)
def test_what_is_unwanted_is_seen(words: str) -> None:
    assert UNWANTED.search(words.replace(" ", "", 1) if "#" not in words else "# TO" + "DO: x")


def markdown() -> list[str]:
    return [name for name in texts() if name.endswith(".md")]


def test_links_inside_the_repository_lead_somewhere() -> None:
    links = [
        (name, target)
        for name in markdown()
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", texts()[name])
    ]
    assert links
    assert [(n, t) for n, t in links if not (ROOT / n).parent.joinpath(t).exists()] == []


def test_every_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", read("Makefile"), re.MULTILINE))
    command = re.compile(r"(?:^|`|&& )make ([\w-]+)\b", re.MULTILINE)
    named = {word for name in markdown() for word in command.findall(code(name))}
    assert {"demo", "test", "check", "bench", "clean", "help"} <= targets
    assert named
    assert named <= targets


def code(name: str) -> str:
    """Keep of a document what is marked as code: spans and blocks."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", texts()[name], re.DOTALL))


def test_changelog_has_an_entry() -> None:
    version = re.escape(fivestep.__version__)
    sections = re.split(r"^## ", read("CHANGELOG.md"), flags=re.MULTILINE)[1:]
    current = [s for s in sections if re.match(rf"\[(Unreleased|{version})\]", s)]
    assert any(re.search(r"^- \S", section, re.MULTILINE) for section in current)


def test_the_workflow_tries_every_python_that_is_promised() -> None:
    classifiers = re.findall(r"Python :: (3\.\d+)", "\n".join(project()["project"]["classifiers"]))
    workflow = read(".github/workflows/ci.yml")
    tried = re.search(r"python: \[(.*)\]", workflow)
    assert tried
    assert re.findall(r"[\d.]+", tried[1]) == classifiers
    assert "- run: .ci/run" in workflow
    assert all(re.search(r"@v\d+\.\d+\.\d+$", line) for line in re.findall(r"uses: .*", workflow))


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such bit")
def test_ci_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


# --- Pins -------------------------------------------------------------------------------------


@cache
def pins() -> dict[str, str]:
    lines = [line for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), "name==version, each"
    pairs = [line.split("==") for line in lines]
    names = [canonicalize_name(name) for name, _ in pairs]
    assert len(set(names)) == len(names), "a name is pinned twice"
    return dict(zip(names, (version for _, version in pairs), strict=True))


MACHINES = [
    {"python_version": v, "python_full_version": f"{v}.9", "sys_platform": s, "os_name": o}
    | {"platform_system": p, "implementation_name": "cpython"}
    for v, (s, o, p) in product(
        ("3.11", "3.12", "3.13"),
        (("linux", "posix", "Linux"), ("darwin", "posix", "Darwin"), ("win32", "nt", "Windows")),
    )
]


def applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Tell whether a requirement holds on any of the machines that fivestep is for."""
    marker = requirement.marker
    chosen = [*extras, ""]
    return marker is None or any(
        marker.evaluate({**machine, "extra": extra}) for machine, extra in product(MACHINES, chosen)
    )


def needed() -> Iterator[Requirement]:
    """Walk from pyproject.toml through everything that is installed here."""
    table = project()["project"]
    lists = [table["dependencies"], *table["optional-dependencies"].values()]
    lists.append(project()["build-system"]["requires"])
    waiting = [Requirement(text) for texts in lists for text in texts]
    done: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name == "fivestep" or str(requirement) in done:
            continue
        done.add(str(requirement))
        yield requirement
        waiting += list(requirements_of(name, requirement.extras))


def requirements_of(name: str, extras: Iterable[str]) -> Iterator[Requirement]:
    try:
        texts = metadata.requires(name) or []
    except metadata.PackageNotFoundError:  # of the bench's own environment, or another machine's
        return
    for requirement in map(Requirement, texts):
        exact = [s for s in requirement.specifier if s.operator == "=="]
        if applies(requirement, extras) and not exact:
            yield requirement


def test_every_distribution_is_pinned_within_its_bounds() -> None:
    assert pins()["torch"] == "2.13.0"
    walked = list(needed())
    assert {"torch", "rich", "mpmath", "lightning", "colorama"} <= {r.name for r in walked}
    missing = sorted({r.name for r in walked if canonicalize_name(r.name) not in pins()})
    assert missing == []
    for requirement in walked:
        version = pins()[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} against {version}"


# --- The wheel --------------------------------------------------------------------------------


def test_the_wheel_holds_the_package_and_the_examples(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path)]
    run(*build, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"fivestep-{fivestep.__version__}-py3-none-any")
    names = set(zipfile.ZipFile(wheel).namelist())
    besides = ["py.typed", "report.schema.json"]
    assert {f"fivestep/{module}" for module in [*MODULES, *besides]} <= names
    folder = ROOT / "examples"
    examples = {f"fivestep/examples/{p.relative_to(folder)}" for p in folder.rglob("*.py")}
    assert examples
    assert examples <= names
    assert not [name for name in names if "__pycache__" in name]
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_every_module_can_be_imported() -> None:
    for module in MODULES:
        if module != "__main__.py" and "/scripts/" not in module:  # a lesson's script runs
            import_module("fivestep." + module.removesuffix(".py").replace("/", "."))

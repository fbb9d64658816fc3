"""The table of contents: one fault, one file; the file's name is the fault's, with underscores."""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from fivestep.finding import Rule
from fivestep.vitals.record import Record

# The code says which of the five steps is sick: FS + step + two digits.
CODES = {
    # 0 the data
    "nonfinite-input": "FS001",
    "unscaled-input": "FS002",
    "sorted-batches": "FS003",
    "repeated-batch": "FS004",
    "cloned-workers": "FS005",
    "leaked-validation": "FS006",
    "frozen-shuffle": "FS007",
    # 1 forward
    "eval-mode-training": "FS101",
    "train-mode-evaluation": "FS102",
    "gradless-training": "FS103",
    "unregistered-module": "FS104",
    "mixed-samples": "FS105",
    "dead-units": "FS106",
    "collapsed-output": "FS107",
    "evaluation-graph": "FS108",
    "symmetric-weights": "FS109",
    "linear-stack": "FS110",
    "restless-evaluation": "FS111",
    # 2 loss
    "broadcast-loss": "FS201",
    "probabilities-as-logits": "FS202",
    "unlogged-probabilities": "FS203",
    "regression-on-classes": "FS204",
    "single-logit": "FS205",
    "swapped-arguments": "FS206",
    "nonfinite-loss": "FS207",
    "detached-loss": "FS208",
    "kept-graph": "FS209",
    "unreachable-target": "FS210",
    "broadcast-metric": "FS211",
    # 3 zero_grad
    "stale-gradient": "FS301",
    "erased-gradient": "FS302",
    "unscaled-accumulation": "FS303",
    "leftover-gradient": "FS304",
    # 4 backward
    "missing-backward": "FS401",
    "gradientless-parameter": "FS402",
    "vanishing-gradient": "FS403",
    "exploding-gradient": "FS404",
    "nonfinite-gradient": "FS405",
    "misplaced-clip": "FS406",
    "retained-graph": "FS407",
    # 5 update
    "missing-update": "FS501",
    "unheld-parameter": "FS502",
    "orphaned-optimizer": "FS503",
    "tiny-update": "FS504",
    "huge-update": "FS505",
    "zero-learning-rate": "FS506",
    "early-schedule": "FS507",
    "hasty-schedule": "FS508",
    "unstepped-schedule": "FS509",
    "unfrozen-module": "FS510",
    # 6 the course of the run
    "diverging-loss": "FS601",
    "zigzag-loss": "FS602",
    "flat-loss": "FS603",
    "overfitting": "FS604",
    "aliased-best": "FS605",
    "starved-loop": "FS606",
    "synchronising-loop": "FS607",
}


def catalogue() -> dict[str, Rule]:
    """Every rule by its name, in the order of the codes."""
    return {name: rule for name, rule in _loaded().items() if isinstance(rule, Rule)}


def broken() -> dict[str, str]:
    """Rules whose file cannot be loaded, and why: one must not take the others with it."""
    return {name: why for name, why in _loaded().items() if isinstance(why, str)}


@cache
def _loaded() -> dict[str, Rule | str]:
    here = Path(__file__).parent
    files = {name: name.replace("-", "_") for name in CODES}
    return {
        name: _load(name, file) for name, file in files.items() if (here / f"{file}.py").exists()
    }


def _load(name: str, file: str) -> Rule | str:
    try:
        return _rule(name, import_module(f"{__name__}.{file}"))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def named(name: str) -> Rule:
    """The rule with a name or a code.

    Raises:
        ValueError: there is none.
    """
    wanted = name.strip().lower()
    for rule in catalogue().values():
        if wanted in (rule.name, rule.code.lower()):
            return rule
    raise ValueError(
        f"{name!r} is no rule; names such as stale-gradient and codes such as FS301 were expected\n"
        "  do: `fivestep rules` lists them all"
    )


def chosen(names: str | None) -> list[str] | None:
    """The rules named in ``stale-gradient,FS601``; None if nothing is named.

    Raises:
        ValueError: one of the names is no rule's.
    """
    listed = [one for one in (names or "").split(",") if one.strip()]
    return [named(one).name for one in listed] or None


def _rule(name: str, module: ModuleType) -> Rule:
    text = inspect.cleandoc(module.__doc__ or "")
    return Rule(
        name=name,
        code=CODES[name],
        severity=module.SEVERITY,
        summary=text.split("\n", 1)[0],
        text=text,
        check=module.check,
        sick=module.sick,
        healthy=module.healthy,
        explains=getattr(module, "EXPLAINS", ()),
        unchecked=getattr(module, "unchecked", _always_checked),
        needs=getattr(module, "NEEDS", ()),
        without=getattr(module, "WITHOUT", {}),
        file=str(module.__file__),
    )


def _always_checked(record: Record) -> str:
    return ""

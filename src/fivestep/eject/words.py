"""The words of the text: what it is, how the run was configured, what it leaves out."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from fivestep.durations import Duration
from fivestep.eject.config import WIDTH, Config, Lines, quoted

# What `fit` does if nothing is said; a test holds this to its signature.
DEFAULTS: dict[str, Any] = {
    "shuffle": None, "accumulate": 1, "compile": False, "precision": "float32", "tf32": None,
    "seed": 0, "clip": None, "clip_value": None, "monitor": None, "mode": None, "patience": None,
    "min_delta": 0.0, "keep_best": True, "restore_best": False, "nonfinite": "stop",
    "average": None, "average_start": "0.75 run", "average_every": "1 update",
    "validate_every": None,
}  # fmt: skip
TOLD_ELSEWHERE = ("shuffle", "monitor", "mode", "average_start")
GLUE = "\0"


def docstring(config: Config) -> Lines:
    """The docstring of the file."""
    setup = config.setup
    versions = setup.get("versions", {})
    made = f"Written by fivestep {versions.get('fivestep', '')} from a run with torch "
    made += f"{versions.get('torch', '')}."
    run = f"The run: {_call(config)}"
    classes = " and ".join(config.loop["optimizer"]["classes"])
    what = f"{setup['model']} of {setup['parameters']:,} parameters, {setup['loss_fn']}, {classes}"
    what += f"{_amount(setup['samples'], 'samples')}."
    lines = [*_wrapped(run, hang="    "), "", *_wrapped(f"It trained: {what} {made}")]
    lines = [line.replace('"""', r"\"\"\"") for line in lines]  # in the name of a metric
    raw = "r" if any("\\" in line for line in lines) else ""
    return [
        f'{raw}"""The training loop of one run, written out in plain PyTorch.',
        "",
        *lines,
        *_notes(config),
        '"""',
    ]


def _amount(count: int | None, what: str) -> str:
    return "" if count is None else f", {count:,} {what}"


def _wrapped(text: str, hang: str = "") -> Lines:
    # What stands in quotes stays in one piece: "3 updates".
    joined = re.sub(r'"[^"]*"', lambda found: found[0].replace(" ", GLUE), text)
    lines = textwrap.wrap(
        joined, WIDTH, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(GLUE, " ") for line in lines]


def _call(config: Config) -> str:
    several = "optimizers" if config.several else "optimizer"
    parts = ["model", "loss_fn", several, "train", _length(config)]
    if config.validation is not None:
        parts.append("validate=...")
    if "batch_size" in config.train:
        parts.append(f"batch_size={config.train['batch_size']}")
        parts += [] if config.train["shuffle"] else ["shuffle=False"]
    parts += [f"{n}=..." for n in ("metrics", "forward", "items") if _given(config, n)]
    parts += [*_schedule(config)]
    for name, usual in DEFAULTS.items():
        value = config.option(name)
        if value != usual and name not in TOLD_ELSEWHERE:
            parts.append(f"{name}={value!r}".replace("'", '"'))
    if config.option("average") == "equal":
        parts.append(f'average_start="{config.option("average_start")}"')
    if config.monitor not in (None, "validation_loss"):
        parts += [f"monitor={quoted(config.monitor)}", f'mode="{config.option("mode")}"']
    return f"fit({', '.join(parts)})"


def _length(config: Config) -> str:
    length = config.option("length")
    return f"epochs={config.loop['length'][1]}" if config.unit == "epoch" else f'length="{length}"'


def _given(config: Config, name: str) -> bool:
    if name == "items":
        return config.loop["items"]["kind"] == "own"
    return bool(config.metrics) if name == "metrics" else config.forward


def _schedule(config: Config) -> Lines:
    schedule = config.schedule
    if schedule is None:
        return []
    if not config.shaped:
        return [f"schedule={schedule.get('class', 'ReduceLROnPlateau')}(...)"]
    rise = Duration(schedule["warmup"], "update")
    options = [f'warmup="{rise}"'] if schedule["warmup"] else []
    options += [f"lowest={schedule['lowest']}"] if 0 < schedule["lowest"] < 1 else []
    return [f"schedule={schedule['kind']}({', '.join(options)})"]


def _notes(config: Config) -> Lines:
    """What the text does otherwise than ``fit``, where it does."""
    told = [says for holds, says in _differences(config) if holds]
    return ["", *_wrapped(" ".join(["Otherwise than in the run:", *told]))] if told else []


def _differences(config: Config) -> list[tuple[bool, str]]:
    one_bad = config.windows and config.option("nonfinite") == "skip"
    return [
        (
            config.option("seed") is None,
            "there was no seed, so no two runs are alike.",
        ),
        (
            config.closure and config.option("nonfinite") != "skip",
            f"{config.loop['optimizer']['classes'][0]} computes its gradients within its step, so "
            "nothing stops it at a loss that is not finite.",
        ),
        (
            one_bad,
            "a window with a single good batch is equal to the run's to rounding.",
        ),
        (
            config.option("compile"),
            "what is compiled anew may round otherwise.",
        ),
        (
            config.forward and config.device != "cpu" and config.train["kind"] != "memory",
            "batches reach forward as the loader makes them, and are not moved to the device.",
        ),
    ]  # fmt: skip

"""The plain PyTorch loop of a run, written out for its owner: no fivestep in it.

Each file here writes one part of the text, from what the run's record says and nothing else.
"""

from __future__ import annotations

from typing import Any

from fivestep.eject import around, data, iteration, schedule, validation, words
from fivestep.eject.config import Config, Lines, fitted, indented
from fivestep.eject.imports import imports


def source(setup: dict[str, Any]) -> str:
    """Write the loop that does what the configured ``fit`` did.

    Args:
        setup: ``run.setup``.

    Returns:
        The text of a Python file, formatted, with one function ``train``.

    Raises:
        ValueError: the record is too old, or the run cannot be written out; the message says why.
    """
    config = Config(setup)
    _refuse(config)
    parts = [_constants(config), *_functions(config)]
    body = "\n".join(line for part in parts for long in part for line in fitted(long))
    head = "\n".join([*words.docstring(config), "", *imports(body)])
    return f"{head}\n\n{body}\n"


def _functions(config: Config) -> list[Lines]:
    helpers = [
        data.helper(config),
        iteration.predict(config),
        schedule.factor(config),
        validation.join(config),
        validation.evaluate(config),
        _train(config),
    ]
    return [["", "", *one] for one in helpers if one]


def _constants(config: Config) -> Lines:
    unit, amount = config.loop["length"]
    schedule, average = config.schedule or {}, config.average or {}
    every = config.every or ["", 1, 1]
    found: list[tuple[str, Any]] = [
        (f"{unit.upper()}S", amount),
        *data.constants(config),
        ("ACCUMULATE", config.window if config.windows else None),
        ("CLIP_VALUE", config.option("clip_value")),
        ("CLIP", config.option("clip")),
        ("WARMUP", schedule.get("warmup") or None),
        ("UPDATES_IN_ALL", schedule.get("total")),
        ("LOWEST", schedule.get("lowest") or None if schedule.get("total") else None),
        ("SCHEDULE_EVERY", _beyond_one(schedule.get("every", ["", 1])[1])),
        ("DECAY", average.get("decay")),
        ("AVERAGE_START", average.get("start") or None),
        ("AVERAGE_EVERY", _beyond_one(average.get("every", 1))),
        ("VALIDATE_EVERY", _interval(every)),
        ("PATIENCE", config.patience),
        ("MIN_DELTA", (config.option("min_delta") or None) if config.judged else None),
    ]
    notes = _notes(config)
    return [
        f"{name} = {value!r}{'  # ' + notes[name] if name in notes else ''}"
        for name, value in found
        if value is not None
    ]


def _notes(config: Config) -> dict[str, str]:
    every = config.every or ["epoch", 1, 1]
    return {
        "ACCUMULATE": "batches in an update",
        "CLIP": "the largest norm of the gradient, over all parameters",
        "CLIP_VALUE": "the largest absolute value of an element of the gradient",
        "WARMUP": "updates",
        "PATIENCE": "validations without a better one" if config.validation else "epochs",
        "DECAY": "of the old average, kept by an update",
        "AVERAGE_START": "updates before the average begins",
        "AVERAGE_EVERY": "updates",
        "LOWEST": "part of the full rate",
        "VALIDATE_EVERY": f"{every[0]}s",
        "SCHEDULE_EVERY": f"{(config.schedule or {}).get('every', ['epoch'])[0]}s",
    }


def _beyond_one(value: int) -> int | None:
    return value if value > 1 else None


def _interval(every: list[Any]) -> int | None:
    whole = every[0] != "" and every[2] == 1
    return every[1] if whole and (every[0] != "epoch" or every[1] > 1) else None


def _train(config: Config) -> Lines:
    declared = indented([f"{how}," for how in _arguments(config)])
    body = [
        *_docstring(config),
        *_beginning(config),
        "",
        *_epochs(config),
        *around.ending(config),
        f"return {', '.join(config.returned)}",
    ]
    return ["def train(", *declared, f") -> {_returns(config)}:", *indented(body)]


def _arguments(config: Config) -> Lines:
    kinds = {
        "model": "nn.Module" if config.module else "Callable[..., Tensor]",
        "loss_fn": validation.loss_type(config),
    }
    optimizer = "optimizers: list[Optimizer]" if config.several else "optimizer: Optimizer"
    found = [*(f"{name}: {kind}" for name, kind in kinds.items()), optimizer]
    found.append(f"train_data: {data.kind(config.train, config.forward)}")
    if config.validation is not None:
        found.append(f"validation_data: {data.kind(config.validation, config.forward)}")
    if config.schedule is not None and not config.shaped:
        plateau = config.schedule["kind"] == "plateau"
        found.append(f"scheduler: {'ReduceLROnPlateau' if plateau else 'LRScheduler'}")
    if config.metrics:
        found.append(f"metrics: {validation.metric_type(config)}")
    if config.own_items:
        found.append("count_items: Callable[[Any], float]")
    return [*found, *(["forward: Callable[..., Tensor]"] if config.forward else [])]


def _returns(config: Config) -> str:
    kinds = {
        "history": "list[dict[str, float]]",
        "best_weights": "dict[str, Any] | None",
        "averaged.module": "nn.Module",
    }
    found = [kinds[name] for name in config.returned]
    return found[0] if len(found) == 1 else f"tuple[{', '.join(found)}]"


def _docstring(config: Config) -> Lines:
    back = {
        "history": "the losses by epoch",
        "best_weights": "a copy of the best weights",
        "averaged.module": "the averaged model",
    }
    found = [back[name] for name in config.returned]
    listed = found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
    left = ", and leave its best weights in it" if config.option("restore_best") else ""
    if len(found) == 1:
        return [f'"""Train ``model`` in place{left}; return {listed}."""']
    return [f'"""Train ``model`` in place{left}.', "", "Returns:", f"    {listed.capitalize()}.",
            '"""']  # fmt: skip


def _beginning(config: Config) -> Lines:
    lines: Lines = []
    if config.option("tf32") is not None:
        value = config.option("tf32")
        lines += [f"torch.backends.cuda.matmul.allow_tf32 = {value}",
                  f"torch.backends.cudnn.allow_tf32 = {value}"]  # fmt: skip
    lines += data.seeds(config)
    if config.device != "cpu":
        lines.append("device = next(model.parameters()).device")
    if config.module and not config.loop["model"]["modes"]:
        lines.append("model.train()")
    if config.option("compile"):
        lines.append("compiled = torch.compile(model)")
    return [*lines, *_parameters(config), *_attached(config), *_counters(config)]


def _parameters(config: Config) -> Lines:
    if config.closure:
        return []
    if config.loop["optimizer"]["whole"]:
        return ["parameters = list(model.parameters())"]
    if config.several:
        groups = "for one in optimizers for group in one.param_groups"
        return ["parameters = [", f'    p {groups} for p in group["params"]', "]"]
    return ['parameters = [p for group in optimizer.param_groups for p in group["params"]]']


def _attached(config: Config) -> Lines:
    lines = [f'scaler = torch.amp.GradScaler("{config.device}")'] if config.scaled else []
    lines += schedule.made(config)
    if config.average is not None:
        decay = config.average["decay"]
        how = "" if decay is None else ", multi_avg_fn=get_ema_multi_avg_fn(DECAY)"
        lines.append(f"averaged = AveragedModel(model{how})")
    return lines


def _counters(config: Config) -> Lines:
    lines = ["history: list[dict[str, float]] = []"]
    if config.judged:
        worst = "math.inf" if config.option("mode") == "min" else "-math.inf"
        pair = config.patience is not None
        lines.append(f"best, misses = {worst}, 0" if pair else f"best = {worst}")
    if config.keeps:
        lines.append("best_weights: dict[str, Any] | None = None")
    zero = ["epoch"] if config.unit != "epoch" else []
    zero += ["iteration"] if config.counts_iterations else []
    zero += ["updates"] if config.counts_updates else []
    if iteration.looks_back(config):
        zero.append("looked_at")
    lines += [f"{' = '.join(zero)} = 0"] if zero else []
    return [*lines, *(["stopped = False"] if config.stops else [])]


def _epochs(config: Config) -> Lines:
    heads = {
        "epoch": ["for epoch in range(1, EPOCHS + 1):"],
        "update": ["while updates < UPDATES:"],
        "iteration": ["while iteration < ITERATIONS:"],
    }
    body = [] if config.unit == "epoch" else ["epoch += 1"]
    body += data.before_epoch(config)
    body.append("total, count = 0.0, 0")
    if config.terms:
        body.append("sums: dict[str, float] = {}")
    body += data.ordered(config)
    body += iteration.loop(config, around.after_update(config))
    reasons = ["stopped"] if config.stops else []
    if config.may_stand:
        body.insert(body.index("total, count = 0.0, 0"), "moved = False")
        least = "scaler.get_scale() <= 1"  # till then the scale is searched for
        hopeless = f"not moved and {f'({least} or not count)' if config.empty else least}"
        plain = f"({hopeless})" if reasons else hopeless
        reasons.append(plain if config.scaled else "not moved")
    if reasons:
        body += [f"if {' or '.join(reasons)}:", "    break"]
    return [*heads[config.unit], *indented([*body, *around.at_epoch_end(config)])]


def _refuse(config: Config) -> None:
    if "loop" not in config.setup:
        raise ValueError(
            "this run was recorded by an older fivestep, and its loop is not described in it\n"
            "  do: run it again, and eject the new record"
        )
    for holds, what, do in _beyond(config):
        if holds:
            raise ValueError(f"{what} cannot be written out as a plain loop\n  do: {do}")


def _beyond(config: Config) -> list[tuple[bool, str, str]]:
    nested = [
        data_set.get(part) is None
        for data_set in (config.train, config.validation)
        if data_set is not None and data_set["kind"] == "memory"
        for part in ("inputs", "targets")
    ]
    plain = config.loop["arguments"] == "one" and not config.forward
    manual = config.norms and (not plain or config.loop["model"]["modes"])
    return [
        (config.option("dry_run"), "a dry run, which changes nothing,", "run it in full"),
        (
            config.option("overfit_one_batch"),
            "a training on one batch over and over",
            "give that batch as the data: fit(model, loss_fn, optimizer, [batch])",
        ),
        (
            config.setup["options"].get("checkpointed", False),
            "a training with checkpoint, where every batch has random numbers of its own,",
            "run it without checkpoint, and eject that record",
        ),
        (any(nested), "data in nests of more than one level", "put its tensors into one dict"),
        (
            manual,
            "an average whose BatchNorm is frozen in part, or fed by forward or several inputs,",
            "leave average out, or write the pass for its statistics by hand",
        ),
    ]

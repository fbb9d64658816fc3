"""The text around the iterations: schedule, average, validation, best weights, patience."""

from __future__ import annotations

from typing import Any

from fivestep.eject import data
from fivestep.eject.config import Config, Lines, indented
from fivestep.eject.iteration import call, counted, load_best, looks_back

CHOSEN = "chosen = averaged.module if averaged.n_averaged > 0 else model"
NO_TRACE = "with torch.no_grad(), torch.random.fork_rng({devices}):"


def _forked(config: Config) -> str:
    return "devices=[device]" if config.device == "cuda" else "devices=[]"


# --- The schedule ---------------------------------------------------------------------------------


def factor(config: Config) -> Lines:
    """The function from an update to its factor of the learning rate."""
    shape = config.schedule
    if shape is None or not config.shaped:
        return []
    says = '"""Give the factor of the learning rate for an update, counted from 0."""'
    lines = [says]
    if shape["warmup"]:
        lines += ["if update < WARMUP:", "    return (update + 1) / WARMUP  # never at rate 0"]
    return ["def factor(update: int) -> float:", *indented([*lines, *_fallen(shape)])]


def _fallen(shape: dict[str, Any]) -> Lines:
    if shape["kind"] == "constant":
        return ["return 1.0"]
    begun, length = ("(update - WARMUP)", "(UPDATES_IN_ALL - WARMUP)")
    if not shape["warmup"]:
        begun, length = "update", "UPDATES_IN_ALL"
    progress = f"progress = {begun} / {length} if update < UPDATES_IN_ALL else 1.0"
    lowest = shape["lowest"]
    if shape["kind"] == "linear":
        return [progress, f"return 1 - {'(1 - LOWEST) * ' if lowest else ''}progress"]
    wave = "(1 + math.cos(math.pi * progress)) / 2"
    return [progress, f"return LOWEST + (1 - LOWEST) * {wave}" if lowest else f"return {wave}"]


def made(config: Config) -> Lines:
    """The schedule, made before the first update."""
    if not config.shaped or config.schedule is None:
        return []
    every = config.schedule["every"][1]
    course = "factor" if every == 1 else "lambda step: factor(step * SCHEDULE_EVERY)"
    if config.several:
        return [f"schedulers = [LambdaLR(one, {course}) for one in optimizers]"]
    return [f"scheduler = LambdaLR(optimizer, {course})"]


def _step(config: Config) -> Lines:
    if config.shaped and config.several:
        return ["for scheduler in schedulers:", "    scheduler.step()"]
    return ["scheduler.step()"]


def _schedule_by(config: Config, unit: str) -> Lines:
    schedule = config.schedule
    if schedule is None or schedule["kind"] == "plateau" or schedule["every"][0] != unit:
        return []
    every = schedule["every"][1]
    if unit == "update":
        test = [f"if {'updates'} % SCHEDULE_EVERY == 0:"] if every > 1 else []
    else:
        tests = [config.cut_short, f"epoch % SCHEDULE_EVERY == 0" if every > 1 else None]  # noqa: F541
        test = [" and ".join(t for t in tests if t)]
        test = [f"if {test[0]}:"] if test[0] else []
    return [*test, *indented(_step(config), len(test))]


# --- After an update ------------------------------------------------------------------------------


def after_update(config: Config) -> Lines:
    """What follows each change of the weights."""
    lines = [*_schedule_by(config, "update"), *_averaged(config)]
    if config.within and config.validation is not None:
        lines += _due(config)
    if config.unit == "update":
        lines += ["if updates == UPDATES:", "    break"]
    return lines


def _averaged(config: Config) -> Lines:
    average = config.average
    if average is None:
        return []
    update = "averaged.update_parameters(model)"
    if config.at_once:
        return [update]
    beyond = "(updates - AVERAGE_START)" if average["start"] else "updates"
    tests = ["updates > AVERAGE_START"] if average["start"] else []
    tests += [f"{beyond} % AVERAGE_EVERY == 0"] if average["every"] > 1 else []
    return [f"if {' and '.join(tests)}:", f"    {update}"]


def _due(config: Config) -> Lines:
    assert config.every is not None
    unit, amount, divisor = config.every
    record = '{"epoch": epoch, "update": updates}'
    if not config.counts_updates:
        record = '{"epoch": epoch, "iteration": iteration}'
    judged = config.judged_here
    lines = [*validated(config, record), *(judge(config) if judged else [])]
    if judged and config.patience is not None:
        lines += ["if misses >= PATIENCE:", "    stopped = True", "    break"]
    if unit == "update" and divisor == 1:
        return ["if updates % VALIDATE_EVERY == 0:", *indented(lines)]
    if unit == "update":
        test = f"updates * {divisor} // {amount} > (updates - 1) * {divisor} // {amount}"
        return [f"if {test}:  # every {amount / divisor:.6g} updates", *indented(lines)]
    if not looks_back(config):
        return ["if iteration % VALIDATE_EVERY == 0:", *indented(lines)]
    seen = "iteration // VALIDATE_EVERY > looked_at // VALIDATE_EVERY"
    return [f"due, looked_at = {seen}, iteration", "if due:", *indented(lines)]


# --- Validation -----------------------------------------------------------------------------------


def at_epoch_end(config: Config) -> Lines:
    """The record of an epoch, its validation where one is due, and what follows from it."""
    record = '{"epoch": epoch, "loss": total / count}'
    if config.empty or config.option("nonfinite") == "skip":
        record = '{"epoch": epoch, "loss": total / count if count else math.nan}'
    lines = ["", f"record = {record}"]
    if config.terms:
        lines.append("record |= {name: summed_up / count for name, summed_up in sums.items()}")
    judged = config.judged or _plateau(config)
    follows = judge(config) if judged and (config.monitor == "loss" or not config.within) else []
    if config.validation is not None and not config.within:
        added = validated(config, None)
        tests = []
        if config.every is not None:
            every = config.every[1]
            tests = [config.cut_short, "epoch % VALIDATE_EVERY == 0" if every > 1 else None]
        test = " and ".join(t for t in tests if t)
        both = config.monitor != "loss"
        inside = [*added, *(follows if both else [])]
        lines += [f"if {test}:", *indented(inside)] if test else inside
        follows = [] if both else follows
    if lines[1:] == [f"record = {record}"] and not follows:
        lines = ["", f"history.append({record})"]
    else:
        lines.append("history.append(record)")
    lines += [*follows, *_schedule_by(config, "epoch")]
    if config.patience is not None and not config.within_patience:
        lines += ["if misses >= PATIENCE:", "    break"]
    return lines


def _plateau(config: Config) -> bool:
    return config.schedule is not None and config.schedule["kind"] == "plateau"


def validated(config: Config, record: str | None) -> Lines:
    """Validate, and put the values into the record: an own one, or that of the epoch."""
    values = f"evaluate({', '.join(name for name, _ in arguments(config))})"
    lines: Lines = []
    if config.average is not None:
        lines += settled(config)
        if not config.at_once:
            lines.append(CHOSEN)
    if record is None:
        return [*lines, f"record |= {values}"]
    return [*lines, f"record = {record}", f"record |= {values}", "history.append(record)"]


def chosen(config: Config) -> str:
    """The module that is validated."""
    if config.average is None:
        return config.network
    return "averaged.module" if config.at_once else "chosen"


def settled(config: Config) -> Lines:
    """Compute the statistics of BatchNorm anew for averaged weights."""
    if not config.norms:
        return []
    generator = config.train.get("generator")
    lines = [NO_TRACE.format(devices=_forked(config)).replace("torch.no_grad(), ", "")]
    moving = ", device=device" if config.device != "cpu" else ""
    norm = [f"update_bn({data.epoch_of(config, '1')}, averaged{moving})"]
    if config.half is not None:
        cast = f'torch.autocast("{config.device}", dtype=torch.{config.half})'
        lines = [lines[0].replace("with ", f"with {cast}, ")]
    if config.train.get("set_epoch"):
        norm.insert(0, "train_data.sampler.set_epoch(1)")
    lines = [
        "# The statistics of BatchNorm for these weights are not the average of the others.",
        *lines,
        *indented(norm),
    ]
    if generator is not None:
        place = f"train_data.{generator}"
        lines = [f"order = {place}.get_state()", *lines, f"{place}.set_state(order)"]
    if config.at_once:
        return lines
    return ["if averaged.n_averaged > 0:", *indented(lines)]


def arguments(config: Config) -> list[tuple[str, str]]:
    """What ``evaluate`` takes: how it is called, and how it is declared."""
    kind = data.kind(config.validation or config.train, config.forward)
    found = [
        (chosen(config), f"model: {'nn.Module' if config.module else 'Callable[..., Tensor]'}"),
        ("loss_fn", f"loss_fn: {loss_type(config)}"),
        ("validation_data", f"data: {kind}"),
    ]
    if config.metrics:
        found.append(("metrics", f"metrics: {metric_type(config)}"))
    if config.own_items:
        found.append(("count_items", "count_items: Callable[[Any], float]"))
    if config.forward:
        found.append(("forward", "forward: Callable[..., Tensor]"))
    if config.device != "cpu":
        found.append(("device", "device: torch.device"))
    return found


def loss_type(config: Config) -> str:
    """The type of ``loss_fn``."""
    if config.loop["items"].get("weight") is not None:
        return "Any"
    return f"Callable[..., {'dict[str, Any]' if config.terms else 'Tensor'}]"


def metric_type(config: Config) -> str:
    """The type of ``metrics``."""
    return "dict[str, Any]" if config.loop["streams"] else "dict[str, Callable[..., Any]]"


def evaluate(config: Config) -> Lines:
    """The function that validates; nothing without validation data."""
    if config.validation is None:
        return []
    declared = [f"    {how}," for _, how in arguments(config)]
    says = '"""Return the mean loss and the metrics over all of ``data``."""'
    if not config.metrics:
        says = '"""Return the mean loss over all of ``data``."""'
    return [
        "def evaluate(", *declared, ") -> dict[str, float]:", *indented([says, *_pass(config)]),
    ]  # fmt: skip


def _pass(config: Config) -> Lines:
    streams = config.loop["streams"]
    wholes = [name for name in config.metrics if name not in streams]
    lines = ["total, count = 0.0, 0"]
    if config.terms:
        lines.append("sums: dict[str, float] = {}")
    if wholes:
        lines.append("predictions, answers = [], []")
    lines += [f'metrics["{name}"].reset()' for name in streams]
    each = _each_batch(config, wholes, streams)
    inside = [*_walk(config, each)]
    return [
        *lines,
        *_modes(config),
        "# No graph, no dropout, and no trace in the random numbers of the training.",
        NO_TRACE.format(devices=_forked(config)),
        *indented(inside),
        *_modes_back(config),
        *_values(config, wholes, streams),
    ]


def _modes(config: Config) -> Lines:
    if not config.module:
        return []
    if config.loop["model"]["modes"]:
        return ["modes = [(module, module.training) for module in model.modules()]", "model.eval()"]
    return ["model.eval()"]


def _modes_back(config: Config) -> Lines:
    if not config.module:
        return []
    if config.loop["model"]["modes"]:
        return ["for module, mode in modes:", "    module.training = mode  # frozen parts stay so"]
    return ["model.train()"]


def _walk(config: Config, each: Lines) -> Lines:
    made, batch = config.validation or {}, config.batch
    if made["kind"] in ("loader", "iterable"):
        return [f"for {batch} in data:", *indented(each)]
    size = "VALIDATION_BATCH_SIZE"
    if size not in dict(data.constants(config)):
        size = "BATCH_SIZE"
    if made["kind"] == "dataset":
        own = "torch.Generator()"
        return [
            f"loader = DataLoader(data, batch_size={size}, generator={own})",
            f"for {batch} in loader:",
            *indented(each),
        ]
    rows = data.rows_of("data[1]", made["targets"])
    if data.shared(config):
        return [f"for {batch} in batches(data, torch.arange({rows})):", *indented(each)]
    train = config.train
    if train["kind"] == "memory" and not train["shuffle"] and size == "BATCH_SIZE":
        return [f"for {batch} in batches(data):", *indented(each)]
    parts = [
        f"inputs = {data.copied('data[0]', made['inputs'])}  # a model may work in place",
        f"targets = {data.copied('data[1]', made['targets'])}",
    ]
    whole = ["batch = inputs, targets"] if config.forward else []
    head = [f"for start in range(0, {rows}, {size}):", f"    part = slice(start, start + {size})"]
    return [*head, *indented([*parts, *whole, *each])]


def _each_batch(config: Config, wholes: list[str], streams: list[str]) -> Lines:
    lines = data.moved(config, config.validation or {})
    lines.append(f"prediction = {call(config, 'model')}")
    answer = f"loss_fn(prediction, {config.target})"
    weight = "" if config.sums else f" * {config.items_once}"
    add = [f"loss = {answer}", f"total += loss.item(){weight}"]
    if config.terms:
        add = [f"terms = {answer}", f'total += terms["loss"].item(){weight}']
        add += [
            f"for name in {config.terms!r}:".replace("'", '"'),
            f"    sums[name] = sums.get(name, 0.0) + torch.as_tensor(terms[name]).item(){weight}",
        ]
    add.append(f"count += {config.items_once}")
    if config.items_once == "items":
        lines += counted(config)
    lines += ["if items > 0:", *indented(add)] if config.empty else add
    lines += [f'metrics["{name}"].update(prediction, {config.target})' for name in streams]
    if wholes:
        lines += ["predictions.append(prediction)", f"answers.append({config.target})"]
    return lines


def _values(config: Config, wholes: list[str], streams: list[str]) -> Lines:
    mean = "total / count if count else math.nan" if config.empty else "total / count"
    if not config.terms and not config.metrics:
        return [f'return {{"validation_loss": {mean}}}']
    entries = [f'"validation_loss": {mean}']
    if config.terms:
        entries.append('**{f"validation_{name}": one / count for name, one in sums.items()}')
    spread: Lines = []
    if wholes and not streams:
        each = "float(metric(predicted, true)) for name, metric in metrics.items()"
        spread = ["**{", f'    f"validation_{{name}}": {each}', "},"]
    for name in config.metrics if streams else []:
        taken = "metrics[{!r}].compute()" if name in streams else "metrics[{!r}](predicted, true)"
        taken = taken.format(name).replace("'", '"')
        entries.append(f'"validation_{name}": float({taken})')
    both = [f"predicted, true = torch.cat(predictions), {joined(config)}"] if wholes else []
    return [*both, "return {", *indented([*(f"{entry}," for entry in entries), *spread]), "}"]


def joined(config: Config) -> str:
    """The expression that puts the targets of all batches together."""
    structure = (config.validation or {}).get("targets", "tensor")
    if config.forward or structure != "tensor":
        return "joined(answers)"
    return "torch.cat(answers)"


def join(config: Config) -> Lines:
    """The function that puts nested batches together, where metrics need them."""
    wholes = [name for name in config.metrics if name not in config.loop["streams"]]
    if not wholes or config.validation is None or joined(config) == "torch.cat(answers)":
        return []
    return [
        "def joined(parts: list[Any]) -> Any:",
        *indented([
            '"""Put the same places of all batches together."""',
            "if isinstance(parts[0], Tensor):",
            "    return torch.cat(parts)",
            "if isinstance(parts[0], dict):",
            "    return {key: joined([part[key] for part in parts]) for key in parts[0]}",
            "return tuple(joined(list(column)) for column in zip(*parts, strict=True))",
        ]),
    ]  # fmt: skip


# --- The best -------------------------------------------------------------------------------------


def judge(config: Config) -> Lines:
    """Compare the monitored value with the best so far."""
    if config.monitor is None:
        return []
    value = f'record["{config.monitor}"]'
    lines: Lines = []
    if config.monitor == "loss" and config.keeps and chosen(config) == "chosen":
        lines.append(CHOSEN)
    if config.judged:
        better = f"{value} {'<' if config.option('mode') == 'min' else '>'} best"
        if config.option("min_delta"):
            gain = f"best - {value}" if config.option("mode") == "min" else f"{value} - best"
            better = f"{gain} > MIN_DELTA"
        one = f"best = {value}" if config.patience is None else f"best, misses = {value}, 0"
        source = "model" if config.average is None else chosen(config)
        keep = (
            [f"best_weights = deepcopy({source}.state_dict())  # a copy, not the live weights"]
            if config.keeps
            else []
        )
        lines += [f"if {better}:", f"    {one}", *indented(keep)]
        if config.patience is not None:
            lines += ["else:", "    misses += 1"]
    if _plateau(config):
        lines.append(f"scheduler.step({value})")
    return lines


def ending(config: Config) -> Lines:
    """What is done after the last epoch."""
    settle = settled(config) if config.validation is None else []
    if settle and config.stops:
        alone = not config.at_once
        head = "if not stopped and averaged.n_averaged > 0:" if alone else "if not stopped:"
        settle = [head, *(settle[1:] if alone else indented(settle))]
    return [*settle, *(load_best(config) if config.option("restore_best") else [])]

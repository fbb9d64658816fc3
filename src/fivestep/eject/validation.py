"""The text of the validation: mean loss and metrics over all of the data."""

from __future__ import annotations

from fivestep.eject import average, data
from fivestep.eject.config import Config, Lines, indented, quoted
from fivestep.eject.iteration import call, counted


def validated(config: Config, record: str | None) -> Lines:
    """Validate, and put the values into the record: an own one, or that of the epoch."""
    values = f"evaluate({', '.join(name for name, _ in arguments(config))})"
    lines: Lines = []
    if config.average is not None:
        lines += average.settled(config)
        if not config.at_once:
            lines.append(average.CHOSEN)
    if record is None:
        return [*lines, f"record |= {values}"]
    return [*lines, f"record = {record}", f"record |= {values}", "history.append(record)"]


def arguments(config: Config) -> list[tuple[str, str]]:
    """What ``evaluate`` takes: how it is called, and how it is declared."""
    kind = data.kind(config.validation or config.train, config.forward)
    found = [
        (
            average.chosen(config),
            f"model: {'nn.Module' if config.module else 'Callable[..., Tensor]'}",
        ),
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
    return f"Callable[..., {'dict[str, Any]' if config.answers_dict else 'Tensor'}]"


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
    lines += [f"metrics[{quoted(name)}].reset()" for name in streams]
    each = _each_batch(config, wholes, streams)
    inside = [*_walk(config, each)]
    return [
        *lines,
        *_modes(config),
        "# No graph, no dropout, and no trace in the random numbers of the training.",
        average.NO_TRACE.format(devices=average.kept_random(config)),
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
    if config.answers_dict:
        add = [f"terms = {answer}", f'total += terms["loss"].item(){weight}']
    if config.terms:
        add += [
            f"for name in {config.listed_terms}:",
            f"    sums[name] = sums.get(name, 0.0) + torch.as_tensor(terms[name]).item(){weight}",
        ]
    add.append(f"count += {config.items_once}")
    if config.items_once == "items":
        lines += counted(config)
    lines += ["if items > 0:", *indented(add)] if config.empty else add
    lines += [f"metrics[{quoted(name)}].update(prediction, {config.target})" for name in streams]
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
        taken = "compute()" if name in streams else "(predicted, true)"
        taken = f"metrics[{quoted(name)}]{'.' if name in streams else ''}{taken}"
        entries.append(f"{quoted(f'validation_{name}')}: float({taken})")
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

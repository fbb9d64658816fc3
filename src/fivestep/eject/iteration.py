"""The text of one iteration: the five steps, windows of several batches, precision, clipping."""

from __future__ import annotations

from fivestep.eject import data
from fivestep.eject.config import Config, Lines, indented

ARGUMENTS = {"one": "inputs", "tuple": "*inputs", "dict": "**inputs"}
LOGGED = 'logging.warning("epoch %d: loss or gradient not finite", epoch)'
RAISED = 'raise FloatingPointError(f"loss or gradient not finite in epoch {epoch}")'
EACH = "for one in optimizers:"


def call(config: Config, model: str | None = None) -> str:
    """The expression that makes a prediction."""
    model = config.network if model is None else model
    if config.half is not None:
        return f"predict({'forward, ' if config.forward else ''}{model}, {_taken(config)})"
    if config.forward:
        return f"forward({model}, batch)"
    return f"{model}({ARGUMENTS[config.loop['arguments']]})"


def _taken(config: Config) -> str:
    return "batch" if config.forward else "inputs"


def predict(config: Config) -> Lines:
    """The function around a forward in 16 bits; nothing for one in 32."""
    if config.half is None:
        return []
    widen = "" if config.loop["model"].get("dtype") == "float64" else ".float()"
    entered = f'with torch.autocast("{config.device}", dtype=torch.{config.half}):'
    says = f'"""Compute in {config.half}; hand out float32, in which the loss is computed."""'
    if not config.forward:
        inputs = data.kind(config.train, config.forward).removeprefix("tuple[").split(", ")[0]
        inputs = "Any" if config.loop["arguments"] != "one" else inputs
        inputs = "Tensor" if config.train["kind"] != "memory" else inputs
        made = f"return model({ARGUMENTS[config.loop['arguments']]}){widen}"
        head = f"def predict(model: nn.Module, inputs: {inputs}) -> Tensor:"
        return [head, *indented([says, entered, f"    {made}"])]
    return [
        "def predict(forward: Callable[..., Tensor], model: nn.Module, batch: Any) -> Tensor:",
        *indented([
            says, "",
            "def model_in_16_bits(*args: Any, **kwargs: Any) -> Tensor:",
            f"    {entered}",
            f"        return model(*args, **kwargs){widen}",
            "",
            "return forward(model_in_16_bits, batch)",
        ]),
    ]  # fmt: skip


def loop(config: Config, after_update: Lines) -> Lines:
    """Go through the batches of an epoch; ``after_update`` follows each change of the weights."""
    lines: Lines = []
    if _numbered(config):
        count = data.batch_count(config)
        if config.unit == "iteration":
            count = f"min({count}, ITERATIONS - iteration)"
        lines.append(f"batch_count = {count}")
    if config.windows:
        lines += _empty_window(config)
    if config.unit == "iteration":
        lines.append(f"parts = islice({data.epoch_of(config)}, ITERATIONS - iteration)")
    body = [*_one_batch(config), *_update(config)]
    body += [*(_sum_up(config) if _sums_last(config) else []), *after_update]
    return [*lines, _head(config), *indented(body)]


def _sums_last(config: Config) -> bool:
    """Tell whether each batch comes as far as the update, so that its loss is added after it."""
    return not config.windows and not config.scaled and not config.closure


def _numbered(config: Config) -> bool:
    return config.windows and not config.sentinel


def _empty_window(config: Config) -> Lines:
    return ["summed: dict[Tensor, Tensor] = {}", *_zeros(config)]


def _zeros(config: Config) -> Lines:
    counters = ["held", *(["filled"] if _guard(config) == "filled" else [])]
    if not config.sums:
        counters.append("window_items")
    zeros = ["0.0" if name == "window_items" and _fractions(config) else "0" for name in counters]
    return [f"{', '.join(counters)} = {', '.join(zeros)}"]


def _guard(config: Config) -> str | None:
    """What tells that a window has a single batch, where that may be and can be told."""
    if config.sums or config.option("nonfinite") == "skip" or not _may_hold_one(config):
        return None
    return "filled" if config.empty else "held"


def _fractions(config: Config) -> bool:
    return config.counted.startswith("float") or config.counted.endswith(".item()")


def _head(config: Config) -> str:
    made = data.epoch_of(config)
    if config.unit == "iteration":
        made = "parts"
    if config.sentinel:
        return f"for pair in chain({made}, [None]):  # None: close the window"
    if _numbered(config):
        one = config.batch if config.forward else f"({config.batch})"
        return f"for number, {one} in enumerate({made}, start=1):"
    return f"for {config.batch} in {made}:"


def _one_batch(config: Config) -> Lines:
    lines = _five_steps(config)
    if not config.sentinel:
        return lines
    taken = "batch = pair" if config.forward else "inputs, targets = pair"
    return ["if pair is not None:", *indented([taken, *lines])]


def _five_steps(config: Config) -> Lines:
    lines = ["iteration += 1"] if config.counts_iterations else []
    lines += data.moved(config, config.train)
    if config.closure:
        return [*lines, *_with_closure(config)]
    if _restores(config):
        lines.append("buffers = [buffer.clone() for buffer in model.buffers()]")
    lines.append(f"prediction = {call(config)}")
    if config.items == "items":
        lines += counted(config)
    steps = [*_loss(config), *_zero_grad(config), *_backward(config), *_check(config)]
    steps += _take_in(config) if config.windows else []
    steps += [] if _sums_last(config) else _sum_up(config)
    if not config.empty:
        return [*lines, *steps, *(["held += 1"] if config.windows else [])]
    if config.windows:
        return [*lines, "if items > 0:", *indented(steps), "held += 1"]
    said = "if items == 0:  # no target counts, and the mean over nothing is 0 / 0"
    return [*lines, said, "    continue", *steps]


def counted(config: Config) -> Lines:
    """Count the items of a batch."""
    index = config.loop["items"].get("ignore_index")
    why = (
        f"  # the loss ignores {index}" if f"!= {index}" in (config.kept or config.counted) else ""
    )
    if config.kept:
        return [f"kept = {config.kept}{why}", f"items = {config.counted}"]
    return [f"items = {config.counted}{why}"]


def _loss(config: Config) -> Lines:
    made = f"loss_fn(prediction, {config.target})"
    if not config.answers_dict:
        return [f"loss = {made}"]
    return [f"terms = {made}", 'loss = terms["loss"]']


def _zero_grad(config: Config) -> Lines:
    if config.several:
        return [EACH, "    one.zero_grad()"]
    return ["optimizer.zero_grad()"]


def _backward(config: Config) -> Lines:
    if not config.scaled:
        return ["loss.backward()"]
    return ["scaler.scale(loss).backward()"]


def _restores(config: Config) -> bool:
    return config.loop["model"]["buffers"] and not config.closure


def _check(config: Config) -> Lines:
    finite = "loss.isfinite()"
    lines = ["# NaN or inf must not reach the weights, which they would ruin for good."]
    if not config.scaled:
        lines.append("gradients = [p.grad for p in parameters if p.grad is not None]")
        finite = _finite(config, "[loss, *gradients]")
    end = {
        "stop": [LOGGED, "stopped = True", "break"],
        "skip": ["continue"],
        "raise": [*load_best(config), RAISED],
    }[config.option("nonfinite")]
    return [*lines, f"if not {finite}:", *indented([*_restore(config), *end])]


def _finite(config: Config, tensors: str) -> str:
    if config.device == "cpu":
        return f"all(tensor.isfinite().all() for tensor in {tensors})"
    # An accelerator is waited for once, not for each tensor.
    return f"torch.stack([tensor.isfinite().all() for tensor in {tensors}]).all()"


def load_best(config: Config) -> Lines:
    """Put the best weights back, where that was asked for."""
    if not (config.option("restore_best") and config.keeps):
        return []
    return ["if best_weights is not None:", "    model.load_state_dict(best_weights)"]


def _restore(config: Config) -> Lines:
    if not _restores(config):
        return []
    return [
        "for buffer, before in zip(model.buffers(), buffers, strict=True):",
        "    buffer.copy_(before)  # undo what the forward took in",
    ]


def _sum_up(config: Config) -> Lines:
    weight = "" if config.sums else f" * {config.items}"
    lines = [f"total += loss.item(){weight}", f"count += {config.items}"]
    if config.terms:
        lines += [
            f"for name in {config.listed_terms}:",
            f"    sums[name] = sums.get(name, 0.0) + torch.as_tensor(terms[name]).item(){weight}",
        ]
    return lines


def _take_in(config: Config) -> Lines:
    weight = "" if config.sums else " * items"
    wide = "parameter.grad.float()" if config.loop["optimizer"]["narrow"] else "parameter.grad"
    why = "# The mean of a window is over all its items: each batch weighs by its own."
    if config.sums:
        why = "# The loss is a sum, and so is the gradient of a window."
    lines = [
        why,
        "for parameter in parameters:",
        "    if parameter.grad is not None:",
        f"        summed[parameter] = summed.get(parameter, 0.0) + {wide}{weight}",
    ]
    if not config.sums:
        lines.append("window_items += items")
    return [*lines, *(["filled += 1"] if _guard(config) == "filled" else [])]


def _with_closure(config: Config) -> Lines:
    bound = "batch: Any = batch"
    if not config.forward:
        bound = "inputs: Any = inputs, targets: Any = targets"
    items = counted(config) if config.items == "items" else []
    made = f"loss_fn({call(config)}, {config.target})"
    made += '["loss"]' if config.answers_dict else ""
    lines = [
        "",
        f"def closure({bound}) -> Tensor:",
        "    optimizer.zero_grad()",
        f"    loss = {made}",
        "    loss.backward()",
        "    return loss",
        "",
        "loss = optimizer.step(closure)  # evaluates the model as often as it likes",
    ]
    weight = "" if config.sums else f" * {config.items}"
    return [*lines, *items, f"total += loss.item(){weight}", f"count += {config.items}"]


def _update(config: Config) -> Lines:
    if config.closure:
        return ["updates += 1"] if config.counts_updates else []
    lines = _open_window(config) if config.windows else []
    unscale = ["scaler.unscale_(optimizer)"]
    if config.several:
        unscale = [EACH, "    scaler.unscale_(one)"]
    step = [EACH, "    one.step()"] if config.several else ["optimizer.step()"]
    if not config.scaled:
        return [*lines, *_clip(config), *step, *_count(config)]
    look = [
        "gradients = [p.grad for p in parameters if p.grad is not None]",
        f"finite = {_finite(config, 'gradients')}",
        "if finite:",
        *indented([*_clip(config), *step]),
        "scaler.update()  # lowers the scale where float16 overflowed: there is no update then",
    ]
    return [*lines, *unscale, *look, "if not finite:", "    continue", *_count(config)]


def _count(config: Config) -> Lines:
    moved = ["moved = True"] if config.may_stand else []
    return [*moved, *(["updates += 1"] if config.counts_updates else [])]


def _clip(config: Config) -> Lines:
    lines: Lines = []
    if config.option("clip_value") is not None:
        lines.append("nn.utils.clip_grad_value_(parameters, CLIP_VALUE)")
    if config.option("clip") is not None:
        lines.append("nn.utils.clip_grad_norm_(parameters, CLIP)")
    return lines


def _open_window(config: Config) -> Lines:
    more = "number < batch_count" if _numbered(config) else "pair is not None"
    lines = [f"if held < ACCUMULATE and {more}:", "    continue", *_nothing_held(config)]
    value = "gradient" if config.sums else "gradient / window_items"
    if config.loop["optimizer"]["narrow"]:
        value = f"({value}).to(parameter.dtype)"
    place = ["for parameter, gradient in summed.items():", f"    parameter.grad = {value}"]
    guard = _guard(config)
    if guard is not None:
        said = f"if {guard} > 1:  # a batch alone in its window is its own mean"
        place = [said, *indented(place)]
    return [*lines, *place, "summed.clear()", *_zeros(config)]


def _nothing_held(config: Config) -> Lines:
    if config.empty:
        return ["if not summed:", "    held = 0", "    continue"]
    return ["if not summed:", "    continue"] if config.sentinel else []


def _may_hold_one(config: Config) -> bool:
    count = config.setup["batches"]
    cut = config.unit == "iteration"
    return count is None or count % config.window == 1 or config.empty or cut


def looks_back(config: Config) -> bool:
    """Tell whether a validation by iterations has to remember where it looked last."""
    if not config.within or (config.every or [""])[0] != "iteration":
        return False
    skips = config.option("nonfinite") == "skip"
    return config.windows or config.scaled or config.empty or skips

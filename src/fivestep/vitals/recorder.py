"""Events become iterations, and iterations a record.

``listen`` (a loop that somebody else wrote) and ``moments`` (our own) call the methods below as
things happen. What happened is written down as a plain tuple, in a microsecond; it becomes an
``Event`` with numbers only in iterations that are measured in detail, or when it is new.
"""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from fivestep.vitals import graphs
from fivestep.vitals.events import (
    Backward,
    Batch,
    Clear,
    Clip,
    Compare,
    Derivative,
    Drop,
    EpochEnd,
    Event,
    Forward,
    Loss,
    Pick,
    Read,
    Scale,
    Schedule,
    State,
    Stray,
    Update,
)
from fivestep.vitals.facts import ModuleRun, Site, TensorFacts
from fivestep.vitals.holding import Holding, stamp
from fivestep.vitals.labels import LABELS, LabelOrder, thinned
from fivestep.vitals.measure import (
    Later,
    at_once,
    describe,
    fill,
    identity,
    measurable,
    norms,
    piece,
    quietly,
    tensors_in,
)
from fivestep.vitals.quick import Quick
from fivestep.vitals.record import Record, Series, StateFacts, Vitals
from fivestep.vitals.registry import Names, Registry, dropout_rate, kept_outside, unwrap
from fivestep.vitals.samples import Samples
from fivestep.vitals.updates import after_update, before_update

FIRST = 32  # training iterations measured in detail at the start
OTHERS = 16  # the same for iterations without a backward (evaluation, rollouts)
EVERY, IN_A_ROW = 128, 2  # afterwards: two in a row out of every 128
RARELY = 8  # times EVERY: from that many on, only so often
CHANGED = 4  # detailed iterations after a change of the sequence of events
KEPT = 512  # different sequences of events that are kept
ALIKE = 64  # detailed iterations kept of one sequence
LONG = 64  # events in an iteration, from which on repeated ones are only counted
LABELLED = 64  # batches of a loader of which the labels are counted
BULK = 64  # iterations between two reads from an accelerator
NUMB = 0.9  # share of units dead or saturated from which on a graph is kept, though it is known
RUNS = 1000  # modules written down in one forward

Raw = tuple[Any, ...]


class OpenForward:
    """A forward that has begun and not ended."""

    __slots__ = ("args", "at", "event", "layer", "model", "number", "paths", "runs", "seen")

    def __init__(self, model: nn.Module, number: int, event: Forward | None) -> None:
        self.model, self.number, self.event = model, number, event
        self.runs: list[ModuleRun] = []
        self.seen: dict[int, int] = {}
        self.paths: dict[int, str] = {}
        self.layer: tuple[str, torch.Tensor] | None = None


class Recorder:
    """Writes down one run. One for each thread; nothing here is shared."""

    def __init__(self, *, narrowed: bool = False) -> None:
        self.record = Record(torch=torch.__version__)
        self._narrowed = narrowed  # some optimizers are not heard: nothing is said of "by hand"
        self.who = Registry(self.record)
        self.later = Later()
        self.samples = Samples(self.record.passes)
        self.detailed = True
        self.forward: OpenForward | None = None
        self.in_step: list[int] = []
        self.in_scaler = 0
        self.holdings: dict[int | None, Holding] = {}
        self.loader: int | None = None
        self._sites: list[Site | None] = [None]
        self._site_numbers: dict[int, int] = {id(None): 0}  # sites are kept for ever: ids do
        self._at = 0
        self._numbers: dict[Raw, int] = {}  # what happened, as a plain tuple -> its number
        self._raws: list[Raw] = []
        self._counts: list[int] = []
        self._now: list[int] = []  # of this iteration, by number
        self._written: list[tuple[int, Event | None, dict[str, Any] | None]] = []
        self.updates = self.losses = 0
        self._places: set[tuple[int, int | None]] = set()
        self._spent = False  # the iteration has had its backward or its update
        self._kept: dict[tuple[int, ...], tuple[Vitals, int]] = {}
        self._trained = self._others = self._changed = self._sampled = 0
        self._reach: dict[int, list[tuple[int | None, list[weakref.ref[torch.Tensor]]]]] = {}
        self._graph_hash: dict[int, tuple[int, int]] = {}
        self._numb: set[int] = set()
        self._recent: dict[int, Forward | Loss] = {}
        self._alive: weakref.WeakSet[_Token] = weakref.WeakSet()
        self._series: dict[tuple[str, int], Series] = {}
        self._strays: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._stray_leaves = Names()
        self._last_model: tuple[int, bool] | None = None
        self._layers: dict[int, tuple[str, torch.Tensor, torch.Tensor]] = {}
        self._probes_left = self._bad_left = 2
        self._given: tuple[int, Any] = (0, lambda: None)  # first input of the last forward, weakly
        self._bad = False  # a loss of this iteration is the first that is not finite
        self._inputs: torch.Tensor | None = None  # of the last forward, until the iteration ends
        self._label_orders: dict[int, LabelOrder] = {}
        self._retained: list[weakref.ref[Any]] = []
        self._scaled: dict[int, tuple[Any, Any]] = {}
        self._states: dict[int, tuple[weakref.ref[Any], int]] = {}
        self._epochs: dict[int, list[int]] = {}
        self._began = self._last = time.perf_counter()
        self.quick = Quick(self)

    # -- writing down ---------------------------------------------------------------------------

    def site(self, site: Site | None) -> int:
        """A number for a line of the user's code."""
        number = self._site_numbers.get(id(site))
        if number is None:
            number = self._site_numbers[id(site)] = len(self._sites)
            self._sites.append(site)
        return number

    def _full(self, raw: Raw) -> bool:
        """Tell whether this event is to be measured: a detailed iteration, or its first time."""
        if raw in self._numbers or len(self._raws) >= 4 * KEPT:
            return self.detailed
        self._numbers[raw] = len(self._raws)
        self._raws.append(raw)
        self._counts.append(0)
        return True

    def _write(
        self, raw: Raw, event: Event | None, extra: dict[str, Any] | None = None, at: int = 0
    ) -> None:
        number = self._numbers.get(raw)
        if number is None:
            self._full(raw)
            number = self._numbers.get(raw)
            if number is None:  # too many different ones already
                return
        self._counts[number] += 1
        if len(self._now) >= LONG and number in self._now:
            return
        self._now.append(number)
        self._written.append((at or self._at, event, extra))

    def _next(self) -> int:
        self._at += 1
        return self._at

    def _enter(self, place: tuple[int, int | None], *, at_once: bool = False) -> None:
        """Begin a new iteration when the loop comes by the same line again."""
        if (place in self._places and (self._spent or at_once) and not self.in_step) or (
            self._spent and place[0] < 0 and not self.in_step
        ):
            self.close()
        self._places.add(place)

    def close(self) -> None:
        """End the iteration: keep it if it is detailed or new, else count it."""
        if not self._now and not self._spent:
            return
        signature = tuple(dict.fromkeys(self._now))
        trains = self._spent
        if self.samples.given:
            self._close_samples(trains)
        known = self._kept.get(signature)
        if known is None or self._bad or (self.detailed and known[1] < ALIKE):
            self._keep(signature, known)
        else:
            known[0].repeats += 1
        self.record.length += 1
        self._trained, self._others = self._trained + trains, self._others + (not trains)
        self._now, self._written = [], []
        self._places, self._spent, self._bad = set(), False, False
        self._layers.clear()
        self._inputs = None
        self._plan(other=not trains)
        if self.record.length % BULK == 0:
            self.later.flush()
        if trains and not self.detailed and self._may_go_quickly():
            self.quick.consider(signature, self._kept[signature][0], self._until_sample())
        else:
            self.quick.forget()

    # -- the short way of ``quick`` -------------------------------------------------------------

    def _may_go_quickly(self) -> bool:
        hand = self.holdings.get(None)
        by_hand = hand is not None and bool(hand.backwards)
        looked = all(one.batches > LABELLED for one in self.record.loaders)
        busy = self._states or by_hand or self._scaled
        return looked and self.samples.full and not busy

    @property
    def trained(self) -> int:
        """Iterations with a backward so far."""
        return self._trained

    def raw(self, number: int) -> Raw:
        """What happened, by its number."""
        return self._raws[number]

    def series_of(self, raw: Raw) -> Series:
        """The training loss of a backward."""
        return self._a_series("backward", raw[1], "training")

    def add_rounds(self, rounds: int, numbers: list[int], vitals: Vitals) -> None:
        """So many iterations went exactly like ``vitals``."""
        vitals.repeats += rounds
        self.record.length += rounds
        self._trained += rounds
        for number in numbers:
            self._counts[number] += rounds
            self._count(self._raws[number], rounds)
        for holding in self.holdings.values():
            holding.stamp = stamp(holding.alive())
        if rounds:
            self._plan(other=False)
            self.detailed = self.detailed and self._until_sample() == self._every()

    def _count(self, raw: Raw, times: int) -> None:
        kind, record = raw[0], self.record
        if kind is Forward:
            record.models[raw[2]].forwards += times
        elif kind is Loss:
            self.losses += times
        elif kind is Clear:
            record.optimizers[raw[2]].clears += times
        elif kind is Update:
            record.optimizers[raw[2]].updates += times
            self.holdings[raw[2]].updates += times
            self.updates += times
        elif kind is Batch:
            record.loaders[raw[2]].batches += times
            self._epochs[raw[2]][1] += times

    def take_back(self, number: int) -> None:
        """The event just written is the first of an iteration that goes the short way."""
        self._counts[number] -= 1
        self._count(self._raws[number], -1)
        self._now, self._written, self._places = [], [], set()

    def replay(self, number: int) -> None:
        """An event of an iteration that began like the others: write it down after all."""
        raw = self._raws[number]
        kind, place, who = raw[:3]
        extra: dict[str, Any] | None = None
        self._next()
        if kind is Forward:
            self._places.add((place, who))
            self._last_model = (who, True)
            if self.quick.given is not None:
                self._given = (self._at, self.quick.given)
        elif kind is Clear:
            self._places.add((place, who))
            self._holding(who).clear(place)
        elif kind is Batch:
            self._places.add((-place, who))
            self.loader = who
        elif kind is Backward:
            self._spent = True
            for one in raw[5]:
                self._holding(one).add(place)
        elif kind is Update:
            self._spent = True
            holding = self._holding(who)
            self._places.add((place, -1 - who))
            extra = {"began": self._at, "rates": holding.rates}
            holding.use("some")
            holding.updates -= 1  # counted below, with the others
        self._count(raw, 1)
        if kind is Batch:
            epoch, position = self._epochs[who]
            extra = {"epoch": epoch, "position": position}
        self._write(raw, None, extra)

    def new_rate(self, optimizer: Any, rounds: int) -> None:
        """A schedule has changed the rate while iterations go the short way."""
        number = self.who.optimizers.find(optimizer)
        if number is None:
            return
        facts, holding = self.record.optimizers[number], self.holdings[number]
        rates = tuple([_rate(group) for group in optimizer.param_groups])
        if rates != holding.rates:
            holding.rates = rates
            if len(facts.rates) < 4096:
                facts.rates.append((facts.updates + rounds + 1, rates[0]))

    def _close_samples(self, trains: bool) -> None:
        raws = [self._raws[number] for number in self._now]
        through = {
            at: bool(event.backward)
            for at, event, _ in self._written
            if isinstance(event, Forward) and (self.detailed or event.backward is not None)
        }
        judged = _last_judged(raws, [at for at, _, _ in self._written])
        batch = next((raw[2] for raw in raws if raw[0] is Batch), None)
        epoch = (batch, self._epochs[batch][0]) if batch is not None else None
        self.samples.close(max(self._trained + trains, 1), trains, through, judged, epoch)

    def _keep(self, signature: tuple[int, ...], known: tuple[Vitals, int] | None) -> None:
        if known is None and len(self._kept) >= KEPT:
            self.record.unkept += 1
            return
        if known is None:
            self._changed = CHANGED if len(self._kept) < 32 else 0
        seconds = time.perf_counter() - self._last
        number = self._trained + 1 if self._spent else max(self._trained, 1)
        vitals = Vitals(number, tuple(self._build()), detailed=self.detailed, seconds=seconds)
        self.record.iterations.append(vitals)
        self._kept[signature] = (vitals, known[1] + 1 if known is not None else 1)

    def _plan(self, *, other: bool) -> None:
        """Decide whether the next iteration is measured in detail."""
        self._last = time.perf_counter()
        sample = self._trained % self._every() < IN_A_ROW and self._trained != self._sampled
        if sample:
            self._sampled = self._trained
        early = self._trained < FIRST or (other and self._others < OTHERS)
        self.detailed = early or sample or self._changed > 0
        self._changed = max(0, self._changed - 1)

    def _every(self) -> int:
        return EVERY if self._trained < RARELY * EVERY else RARELY * EVERY

    def _until_sample(self) -> int:
        return self._every() - self._trained % self._every()

    def _build(self) -> list[Event]:
        built: list[Event] = []
        for number, (at, event, extra) in zip(self._now, self._written, strict=True):
            raw = self._raws[number]
            one = event if event is not None else self._light(raw, at)
            for name, value in (extra or {}).items():
                setattr(one, name, value)
            if isinstance(one, (Forward, Loss)) and event is not None and one.backward is None:
                one.backward = False if self._spent else None
            built.append(one)
        return built

    def _light(self, raw: Raw, at: int) -> Event:
        kind, site, *rest = raw
        if kind is Update:
            rest[7], rest[8] = self._sites[rest[7]], self._sites[rest[8]]
        return kind(at, self._sites[site], *rest)

    def finish(self) -> Record:
        """End the run: close the last iteration, read what waits, fill in the totals."""
        self.quick.leave()
        self.close()
        self.later.flush()
        record = self.record
        record.counts = {}
        for raw, count in zip(self._raws, self._counts, strict=True):
            kind = raw[0].__name__.lower()
            record.counts[kind] = record.counts.get(kind, 0) + count
        record.seconds = time.perf_counter() - self._began
        for number, facts in enumerate(record.models):
            model = self.who.models.get(number)
            if isinstance(model, nn.Module):
                self.who.refresh(facts.number, model)
        for reference, number in self._states.values():
            record.states[number].alive = reference() is not None
        _count_rows(record)
        return record

    def optimizer(self, optimizer: Any, site: Site | None) -> int:
        """The number of an optimizer; what backward did before it was known counts for it."""
        known = len(self.record.optimizers)
        number = self.who.optimizer(optimizer, site)
        if number >= known:
            hand = self.holdings.pop(None, None)
            if hand is not None and hand.backwards:
                holding = self._holding(number)
                holding.backwards, holding.summed = hand.backwards, hand.summed
                holding.last_backward = hand.last_backward
            self._reach.clear()
        return number

    # -- the data -------------------------------------------------------------------------------

    def epoch(self, loader: Any, site: Site | None) -> int:
        """A loader was started."""
        number = self.who.loader(loader, site)
        facts = self.record.loaders[number]
        facts.epochs += 1
        self._epochs[number] = [facts.epochs, 0]
        inner = getattr(loader, "sampler", None)
        if facts.distributed and len(facts.sampler_epochs) < 64:
            facts.sampler_epochs = (*facts.sampler_epochs, int(getattr(inner, "epoch", -1)))
        return number

    def batch(self, number: int, data: Any, seconds: float, site: Site | None) -> None:
        """A loader handed out a batch."""
        place = self.site(site)
        self._enter((-place, number), at_once=True)  # below 0: a batch always begins an iteration
        raw = (Batch, place, number)
        epoch, position = self._epochs[number]
        position = self._epochs[number][1] = position + 1
        facts = self.record.loaders[number]
        facts.batches += 1
        facts.waited += seconds
        self.loader = number
        extra: dict[str, Any] = {"epoch": epoch, "position": position, "seconds": seconds}
        event, first = None, position == 1 and len(facts.first_digests) < 64
        if self._full(raw) or first or facts.batches <= LABELLED:
            event = Batch(self._next(), site, number, **extra)
            event.tensors = self._facts(tensors_in(data, 4))
            numbers = [one.numbers for one in event.tensors]
            if first and numbers and numbers[0] is not None:
                facts.first_digests.append(numbers[0].digest)
            if len(facts.labels) < LABELLED and len(numbers) > 1 and numbers[1] is not None:
                facts.labels.append(numbers[1].counts or {})
        self._write(raw, event, extra)

    def epoch_end(self, number: int, site: Site | None) -> None:
        """A loader had no more batches."""
        epoch, position = self._epochs.get(number, [0, 0])
        self.samples.ended(number)
        raw = (EpochEnd, self.site(site), number)
        self._write(raw, None, {"epoch": epoch, "batches": position})
        if not self.in_step:
            self.close()

    def _facts(
        self, tensors: list[torch.Tensor], *, classes: int | None = None, rows: bool = False
    ) -> tuple[TensorFacts, ...]:
        with quietly():
            return tuple(
                fill(describe(one), one, self.later, classes=classes, rows=rows) for one in tensors
            )

    # -- 1. forward -----------------------------------------------------------------------------

    def forward_begins(
        self, model: nn.Module, args: Any, kwargs: Any, site: Site | None
    ) -> OpenForward:
        """An outermost model is called."""
        number, place = self.who.model(model, site), self.site(site)
        grad = _grad_mode()
        self._enter((place, number), at_once=grad != "on" or not model.training)
        at = self._next()
        inside = self.in_step[-1] if self.in_step else None
        raw = (Forward, place, number, model.training, grad, inside)
        self._last_model = (number, model.training)
        self.record.models[number].forwards += 1
        self.samples.forward(at, number, args, grad == "on", site)
        if args and type(args[0]) is torch.Tensor:
            self._given = (at, weakref.ref(args[0]))
        event = None
        if self._full(raw):
            event = Forward(at, site, number, model.training, grad, inside)
            given = tensors_in((args, kwargs))
            event.inputs = self._facts(given, rows=True)
            self._inputs = given[0] if given else None
        self.forward = opened = OpenForward(model, number, event)
        if event is not None:
            plain = unwrap(model)
            opened.paths = {id(one): path for path, one in plain.named_modules()}
        opened.at = at
        self._write(raw, event, at=at)
        return opened

    def forward_ends(self, opened: OpenForward, output: Any, error: str) -> None:
        """It has answered."""
        self.forward = None
        event = opened.event
        if event is None:
            return
        event.failed = error
        outputs = tensors_in(output)
        event.outputs = self._facts(outputs)
        facts = self.record.models[opened.number]
        event.modules = None if facts.compiled else tuple(opened.runs)
        for one in outputs:
            if one.grad_fn is not None:
                graphs.mark(one.grad_fn, opened.at)
        self._recent[opened.at] = event
        if len(self._recent) > 256:
            del self._recent[next(iter(self._recent))]
        self._prepare_probe(opened, outputs, event)

    def module_begins(self, module: nn.Module) -> ModuleRun | None:
        """A module inside an outermost model is called (heard in detail only)."""
        opened = self.forward
        if opened is None or opened.event is None or len(opened.runs) >= RUNS:
            return None
        times = opened.seen[id(module)] = opened.seen.get(id(module), 0) + 1
        if times > 2:
            return None
        registered = id(module) in opened.paths
        fresh = False
        if not registered:
            fresh = self.record.models[opened.number].forwards > 1 and module not in self._strays
            self._strays.add(module)
        run = _module_run(module, opened.paths.get(id(module), "?"), registered, fresh, self.who)
        opened.runs.append(run)
        return run

    def module_ends(self, run: ModuleRun, args: Any, output: Any) -> None:
        """It has answered."""
        inputs, outputs = tensors_in(args, 1), tensors_in(output, 1)
        with quietly():
            run.input = describe(inputs[0]) if inputs else None
        if outputs:
            (run.output,) = self._facts(outputs)
        opened = self.forward
        if opened is not None and opened.layer is None and run.parameters and outputs and run.leaf:
            opened.layer = (run.name or run.kind, outputs[0])

    def drops(self, rate: float) -> None:
        """``F.dropout`` dropped inside a model that is in train mode."""
        opened = self.forward
        if opened is not None and opened.event is not None:
            opened.event.dropped = max(opened.event.dropped, rate)

    def dropped(self, rate: float, module: Any, site: Site | None) -> None:
        """``F.dropout`` dropped inside a model that is in eval mode."""
        opened = self.forward
        registered = (
            opened is not None
            and module is not None
            and (not opened.paths or id(module) in opened.paths)
        )
        kind = type(module).__name__ if module is not None else ""
        raw = (Drop, self.site(site), rate, kind, registered)
        self._next()
        self._write(raw, None)

    # -- 2. loss --------------------------------------------------------------------------------

    def loss(
        self, function: str, prediction: Any, target: Any, output: Any, options: dict[str, Any],
        site: Site | None,
    ) -> None:  # fmt: skip
        """A loss function has answered."""
        if not isinstance(output, torch.Tensor) or not isinstance(prediction, torch.Tensor):
            return
        target = target if isinstance(target, torch.Tensor) else None
        same = target is None or prediction.shape == target.shape
        model, training = self._last_model or (None, None)
        grad, reduction = _grad_mode(), str(options.get("reduction", "mean"))
        place, at = self.site(site), self._next()
        raw = (Loss, place, function, grad, training, reduction, same, model, self.loader)
        event = None
        self.losses += 1
        if self._full(raw):
            event = Loss(at, site, *raw[2:])
            classes = _class_dimension(function, prediction)
            (event.prediction,) = self._facts([prediction], classes=classes)
            if target is not None:
                (event.target,) = self._facts([target])
                self._order_labels(event, place, target)
            event.output = describe(output)
            event.options = {k: float(v) for k, v in options.items() if isinstance(v, (int, float))}
            if output.grad_fn is not None:
                graphs.mark(output.grad_fn, at)
            self._recent[at] = event
        self._write(raw, event)
        evaluates = output.grad_fn is None or training is False
        if output.numel() == 1 and (evaluates or event is not None):
            self._value(
                output, event, self._a_series(function, place, "evaluation") if evaluates else None
            )

    def _order_labels(self, event: Loss, place: int, target: torch.Tensor) -> None:
        """Hold whole-numbered targets of a regression against the inputs of the model."""
        facts = event.target.numbers if event.target is not None else None
        inputs = self._inputs
        if facts is None or inputs is None or event.function not in REGRESSIONS:
            return
        whole = facts.integers and facts.lowest == 0 and 2 <= facts.highest < LABELS
        floating = inputs.is_floating_point() and inputs.dim() > 1 and measurable(inputs)
        if not whole or not floating or target.numel() != len(inputs) or inputs.is_cuda:
            return
        with quietly():
            rows, labels = thinned(inputs, target)
        order = self._label_orders.setdefault(place, LabelOrder())
        if order.add(rows, labels):
            event.label_order, event.label_distance = order.score() or (None, None)

    def _a_series(self, name: str, place: int, kind: str) -> Series:
        series = self._series.get((name, place))
        if series is None:
            series = self._series[name, place] = Series(name, self._sites[place], kind)
            if len(self.record.series) < 64:
                self.record.series.append(series)
        return series

    def _value(self, loss: torch.Tensor, event: Any, series: Series | None) -> None:
        iteration = self._trained + 1
        if not measurable(loss):
            return
        if at_once(loss):
            _keep_value(float(loss.item()), event, series, iteration)
            return
        with quietly():
            self.later.read(
                loss.detach().reshape(1),
                lambda values: _keep_value(float(values[0]), event, series, iteration),
            )

    # -- 3. zero_grad ---------------------------------------------------------------------------

    def cleared(self, owner: Any, site: Site | None) -> None:
        """``zero_grad`` of an optimizer or a module was called."""
        place, inside = self.site(site), self.in_step[-1] if self.in_step else None
        if isinstance(owner, nn.Module):
            optimizer, model = None, self.who.model(owner, site)
            reached = {
                held
                for one in self.record.models[model].parameters
                for held in self.record.parameters[one].optimizers
            }
            optimizers = tuple(sorted(reached))
            self._by_hand().clear(place)
        else:
            optimizer, model = self.optimizer(owner, site), None
            self.record.optimizers[optimizer].clears += 1
            optimizers = (optimizer,)
        self._enter((place, optimizer))
        self._next()
        raw = (Clear, place, optimizer, model, optimizers, inside)
        for one in optimizers:
            self._holding(one).clear(place)
        self._write(raw, None)

    def _holding(self, number: int | None) -> Holding:
        holding = self.holdings.get(number)
        if holding is None:
            holding = self.holdings[number] = Holding(number)
        return holding

    def _by_hand(self) -> Holding:
        return self._holding(None)

    # -- 4. backward ----------------------------------------------------------------------------

    def backward_begins(
        self,
        loss: torch.Tensor,
        retain: bool,
        create: bool,
        site: Site | None,
        reached: list[torch.Tensor] | None = None,
    ) -> tuple[Any, ...]:
        """The outermost backward starts; without a graph (NumPy) it is told what it reaches."""
        place = self.site(site)
        self._find_manual_update(place)
        at = self._next()
        walked, again = None, False
        bad = self._first_bad(loss)
        self._bad = self._bad or bad
        if bad:
            self._look_back()
        if reached is not None:
            self._reach[place] = self._reached_holdings(reached)
        elif self.detailed or place not in self._reach or bad:
            with quietly():
                walked = graphs.walk(loss, self._leaf_number, saved=True)
            self._probe_mixing(walked, loss)
            again = self._meets_retained(loss, retain)
            self._reach[place] = self._reached_holdings(walked.leaves)
        reach = self._reach[place]
        kept = tuple(number for number, _ in reach if number is not None and self._look(number))
        if any(number is None for number, _ in reach):
            self._by_hand().kept()
        graphs_alive = len(self._alive)
        if walked is not None and loss.grad_fn is not None:
            self._alive.add(graphs.hold(loss.grad_fn, _Token()))
        return at, place, loss, retain, create, reach, kept, walked, again, graphs_alive, site

    def _first_bad(self, loss: torch.Tensor) -> bool:
        """The first losses that are not finite are looked at, where looking does not wait."""
        if self._bad_left <= 0 or loss.device.type != "cpu" or loss.numel() != 1:
            return False
        if type(loss) is not torch.Tensor or math.isfinite(loss.item()):
            return False
        self._bad_left -= 1
        return True

    def _look_back(self) -> None:
        """Measure what the last forward was given, if it was not measured and still lives."""
        at, tensor = self._given[0], self._given[1]()
        for place, (when, event, extra) in enumerate(self._written):
            raw = self._raws[self._now[place]]
            if when == at and raw[0] is Forward and event is None and tensor is not None:
                event = Forward(at, self._sites[raw[1]], *raw[2:], inputs=self._facts([tensor]))
                self._written[place] = (at, event, extra)

    def _look(self, number: int) -> bool:
        return self.holdings[number].kept()

    def backward_ends(self, token: tuple[Any, ...], error: str) -> None:
        """It has ended, or raised an error."""
        at, place, loss, retain, create, reach, kept, walked, again, alive, site = token
        inside = self.in_step[-1] if self.in_step else None
        optimizers = tuple(sorted(number for number, _ in reach if number is not None))
        plain, scaled = self._unscale(loss)
        raw = (Backward, place, retain, create, inside, optimizers, kept, scaled, error)
        event = None
        if self._full(raw) or walked is not None:
            event = Backward(at, site, *raw[2:])
            event.loss = describe(plain)
            event.again, event.graphs_alive = again, alive
            if walked is not None:
                self._write_walk(event, walked, place)
        if not error:
            for number, _ in reach:
                self._holding(number).add(place)
            self._remember_hand()
        if isinstance(plain, torch.Tensor) and plain.numel() == 1:
            self._value(plain, event, self._a_series("backward", place, "training"))
        self._spent = True
        self._write(raw, event, at=at)

    def _unscale(self, loss: Any) -> tuple[Any, bool]:
        known = self._scaled.pop(id(loss), None)
        return (known[1], True) if known is not None and known[0] is loss else (loss, False)

    def _leaf_number(self, variable: torch.Tensor) -> int:
        number = self.who.parameters.find(variable)
        return -1 if number is None else number

    def _reached_holdings(
        self, leaves: list[torch.Tensor]
    ) -> list[tuple[int | None, list[weakref.ref[torch.Tensor]]]]:
        by_holding: dict[int | None, list[torch.Tensor]] = {}
        for leaf in leaves:
            number = self.who.parameters.find(leaf)
            held = () if number is None else self.record.parameters[number].optimizers
            for one in held or (None,):
                by_holding.setdefault(one, []).append(leaf)
        for number, parameters in by_holding.items():
            self._holding(number).watch(parameters)
        return [(number, self._holding(number).probes) for number in by_holding]

    def _write_walk(self, event: Backward, walked: graphs.Walked, place: int) -> None:
        numbers: list[int] = []
        strays: list[Stray] = []
        astray: list[torch.Tensor] = []
        for leaf in walked.leaves:
            number = self.who.parameters.find(leaf)
            if number is not None and self.record.parameters[number].model is not None:
                numbers.append(number)
                self.record.parameters[number].reached += 1
            elif number is not None:
                numbers.append(number)
            else:
                new = self._stray_leaves.find(leaf) is None
                fresh = new and place in self._graph_hash
                if new:
                    self._stray_leaves.add(leaf)
                strays.append(
                    Stray(tuple(leaf.shape), self._owner_of(leaf), fresh, type(leaf).__name__)
                )
                astray.append(leaf)
        event.reached, event.strays = tuple(numbers), tuple(strays[:32])
        self._place_strays(strays, astray)
        marks = {at: self._recent[at] for at in walked.marks if at in self._recent}
        for one in marks.values():
            one.backward = True
        event.forwards = tuple(sorted(at for at, one in marks.items() if isinstance(one, Forward)))
        event.losses = tuple(sorted(at for at, one in marks.items() if isinstance(one, Loss)))
        shape = hash(tuple((node.name, node.shape, node.inputs) for node in walked.graph.nodes))
        known, times = self._graph_hash.get(place, (None, 0))
        numb = any(
            max(node.dead or 0.0, node.saturated or 0.0) >= NUMB for node in walked.graph.nodes
        )
        shown = numb or place in self._numb or self._bad
        if shape != known or times < 3 or times % 16 == 0 or shown:
            event.graph = walked.graph
        (self._numb.add if numb else self._numb.discard)(place)
        self._graph_hash[place] = (shape, times + 1 if shape == known else 1)
        gradients = [leaf.grad for leaf in walked.leaves if leaf.grad is not None]
        self._gradient_norm(event, gradients)

    def _gradient_norm(self, event: Backward, gradients: list[torch.Tensor]) -> None:
        plain = [piece(one) for one in gradients if type(one) is torch.Tensor and not one.is_sparse]
        if not plain or len({one.device for one in plain}) > 1:
            return

        def keep(values: Any) -> None:
            event.gradient_norm = float((values**2).sum() ** 0.5)

        with quietly():
            self.later.read(norms(plain), keep)

    def _owner_of(self, leaf: torch.Tensor) -> str:
        for module in self._strays:
            if any(one is leaf for one in module._parameters.values()):
                return type(module).__name__
        return ""

    def _place_strays(self, strays: list[Stray], leaves: list[torch.Tensor]) -> None:
        """Write down where a model keeps them, if one does."""
        places: dict[int, str] = {}
        for facts in self.record.models if strays else ():
            model = self.who.models.get(facts.number)
            if isinstance(model, nn.Module):
                places |= kept_outside(model)
        for stray, leaf in zip(strays, leaves, strict=True):
            stray.attribute = places.get(id(leaf), "")

    def _meets_retained(self, loss: torch.Tensor, retain: bool) -> bool:
        root: Any = loss.grad_fn
        if root is None:
            return False
        key = "fivestep retained"
        near, seen, met = [root], set[Any](), False
        while near and len(seen) < graphs.NODES:
            here = near.pop()
            if here in seen or getattr(here, "variable", None) is not None:
                continue
            seen.add(here)
            met = met or key in here.metadata
            if retain:
                here.metadata[key] = True
            near += [after for after, _ in here.next_functions if after is not None]
        return met

    # -- 5. update ------------------------------------------------------------------------------

    def update_begins(self, optimizer: Any, closure: bool, site: Site | None) -> Any:
        """``optimizer.step`` starts."""
        number = self.optimizer(optimizer, site)
        self._enter((self.site(site), -1 - number))  # where all happens in a closure, this begins
        holding = self._holding(number)
        if not holding.probes:
            everything = [p for group in optimizer.param_groups for p in group["params"]]
            holding.watch([p for p in everything if p.grad is not None] or everything)
        holding.began = self._next()
        self.in_step.append(number)
        state = "" if closure else holding.state()
        before = None
        if self.detailed:
            with quietly():
                before = before_update(optimizer, self.who, closure)
        return number, holding, optimizer, closure, state, before, site

    def update_ends(self, token: Any) -> None:
        """It has ended."""
        number, holding, optimizer, closure, state, before, site = token
        self.in_step.pop()
        state = state or holding.state()
        backwards, summed, cleared = holding.backwards, holding.summed, holding.cleared
        carried, untouched = holding.use(state)
        self._write_update(
            number, closure, state, untouched, backwards, summed, cleared, carried, holding,
            site, before, optimizer,
        )  # fmt: skip
        self._note_rates(number, optimizer, holding)

    def _write_update(
        self, number: int | None, closure: bool, state: str, untouched: bool, backwards: int,
        summed: int, cleared: int, carried: int, holding: Holding, site: Site | None,
        before: Any, optimizer: Any,
    ) -> None:  # fmt: skip
        place, at = self.site(site), self._next()
        scaler = self.in_scaler > 0
        raw = (
            Update, place, number, closure, scaler, state, untouched, min(backwards, 64),
            min(summed, 64) if not carried else 2, cleared, holding.last_backward, int(carried > 0),
        )  # fmt: skip
        extra: dict[str, Any] = {"began": holding.began, "rates": holding.rates}
        extra |= {"carried": carried, "summed": summed, "backwards": backwards}
        event = None
        if self._full(raw):
            event = Update(
                at, site, number, closure, scaler, state, untouched, backwards, summed,
                self._sites[cleared], self._sites[holding.last_backward],
            )  # fmt: skip
            if before is not None:
                with quietly():
                    after_update(event, before, optimizer, holding, self.who, self.later)
        self._spent = True
        self.updates += 1
        self._write(raw, event, extra)
        if self._states:
            self._age_states(number)

    def _note_rates(self, number: int, optimizer: Any, holding: Holding) -> None:
        facts = self.record.optimizers[number]
        facts.updates += 1
        rates = tuple([_rate(group) for group in optimizer.param_groups])
        if rates != holding.rates:
            holding.rates = rates
            if len(facts.rates) < 4096:
                facts.rates.append((facts.updates, rates[0] if rates else 0.0))
            if self._written[-1][2] is not None:
                self._written[-1][2]["rates"] = rates
            self.who.hold(number, optimizer)

    def _remember_hand(self) -> None:
        hand = self.holdings.get(None)
        if hand is not None and hand.probes and not self._narrowed:
            alive = hand.alive()
            hand.versions = [one._version for one in alive]
            if self.detailed:
                with quietly():
                    hand.copies = [piece(one)[:256].clone() for one in alive]
            else:
                hand.copies = []

    def _find_manual_update(self, place: int) -> None:
        """Weights that no optimizer holds have changed: somebody updates them by hand."""
        hand = self.holdings.get(None)
        if hand is None or not hand.versions or not hand.backwards:
            return
        alive = hand.alive()
        if len(alive) != len(hand.versions):  # they were made for one iteration
            return
        moved = [one._version for one in alive] != hand.versions
        if not moved and len(hand.copies) == len(alive) and alive[0].device.type == "cpu":
            with quietly():
                moved = any(
                    not torch.equal(piece(one)[:256], copy)
                    for one, copy in zip(alive, hand.copies, strict=True)
                )
        if moved:
            backwards, summed = hand.backwards, hand.summed
            carried, _ = hand.use("some")
            self._write_update(
                None, False, "some", False, backwards, summed, 0, carried, hand, None, None, None
            )

    # -- around the steps -----------------------------------------------------------------------

    def clipped(
        self, function: str, parameters: Any, limit: float, result: Any, site: Site | None
    ) -> None:
        """Gradients were clipped."""
        several = [parameters] if isinstance(parameters, torch.Tensor) else parameters
        several = [one for one in several if isinstance(one, torch.Tensor)]
        numbers = [self.who.parameters.find(one) for one in several]
        held = {o for n in numbers if n is not None for o in self.record.parameters[n].optimizers}
        empty = all(one.grad is None for one in several)
        scaled = any(self._scale_pending(one) for one in held)
        raw = (Clip, self.site(site), function, float(limit), tuple(sorted(held)), scaled, empty)
        at, event = self._next(), None
        if self._full(raw):
            event = made = Clip(at, site, *raw[2:])
            if isinstance(result, torch.Tensor):
                with quietly():
                    self.later.read(
                        result.reshape(1),
                        lambda values: setattr(made, "total_norm", float(values[0])),
                    )
        self._write(raw, event)

    def _scale_pending(self, optimizer: int) -> bool:
        """Gradients of this optimizer carry the factor of a GradScaler."""
        for raw in (self._raws[number] for number in reversed(self._now)):
            if raw[0] is Scale and raw[2] == "unscale" and raw[3] == optimizer:
                return False
            if raw[0] is Backward and optimizer in raw[5]:
                return bool(raw[7])
        return False

    def scaled(self, action: str, optimizer: Any, skipped: bool, site: Site | None) -> None:
        """A GradScaler did something."""
        number = self.optimizer(optimizer, site) if optimizer is not None else None
        self._next()
        self._write((Scale, self.site(site), action, number, skipped), None)

    def scaled_loss(self, loss: Any, output: Any) -> None:
        """A GradScaler made ``output`` out of ``loss``."""
        if isinstance(loss, torch.Tensor) and output is not loss:
            self._scaled = {id(output): (output, loss)}

    def scheduled(
        self, scheduler: Any, before: tuple[float, ...], after: tuple[float, ...], site: Site | None
    ) -> None:
        """``scheduler.step`` was called."""
        number = self.who.scheduler(scheduler, None)
        facts = self.record.schedulers[number]
        held = facts.optimizer
        updates = self.record.optimizers[held].updates if held is not None else 0
        facts.steps += 1
        facts.early += not updates
        if site is not None and site not in facts.sites and len(facts.sites) < 4:
            facts.sites = (*facts.sites, site)
        self._next()
        extra = {"before": before, "after": after, "updates": updates}
        self._write((Schedule, self.site(site), number, not updates), None, extra)

    def differentiated(self, create: bool, site: Site | None) -> None:
        """``torch.autograd.grad`` was called."""
        self._next()
        self._write((Derivative, self.site(site), create), None)

    def compared(
        self, left: torch.Tensor, right: torch.Tensor, outcome: Any, site: Site | None
    ) -> None:
        """Two tensors were compared outside any model."""
        shapes = tuple(left.shape), tuple(right.shape), tuple(outcome.shape)
        raw = (Compare, self.site(site), *shapes)
        at, event = self._next(), None
        if self._full(raw):
            event = Compare(at, site, *shapes)
            event.left, event.right = self._facts([left, right])
        self._write(raw, event)

    def picked(self, function: str, tensor: torch.Tensor, size: int, site: Site | None) -> None:
        """``argmax`` or ``max`` along a dimension."""
        raw = (Pick, self.site(site), function, tuple(tensor.shape), size)
        at, event = self._next(), None
        if self._full(raw):
            event = Pick(at, site, *raw[2:])
            (event.tensor,) = self._facts([tensor])
        self._write(raw, event)

    def _age_states(self, optimizer: int | None) -> None:
        """The weights that a kept state shares have changed."""
        for key, (reference, number) in list(self._states.items()):
            if reference() is None:
                del self._states[key]
                self.record.states[number].alive = False
            elif self._updates(self.record.states[number].model, optimizer):
                self.record.states[number].updates_alive += 1

    def _updates(self, model: int, optimizer: int | None) -> bool:
        known = self.record.parameters
        return optimizer is None or any(
            optimizer in known[one].optimizers for one in self.record.models[model].parameters
        )

    def state_saved(self, thing: Any, site: Site | None) -> None:
        """``torch.save`` was given something: the states in it are written as they are now."""
        inside: list[Any] = [thing]
        if isinstance(thing, dict):
            inside += list(thing.values())[:64]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        for one in inside:
            known = self._states.get(id(one))
            if known is not None and known[0]() is one:
                facts = self.record.states[known[1]]
                facts.saved += 1
                self._next()
                raw = (State, self.site(site), "saved", facts.model, facts.number)
                self._write(raw, None, {"aliased": facts.shares, "updates": facts.updates_alive})

    def state_taken(self, model: nn.Module, state: Any, site: Site | None) -> None:
        """``state_dict()`` gave out the live weights."""
        number = self.who.states
        if number >= 256:
            return
        self.who.states += 1
        owner = self.who.model(model, site)
        shares = _aliases(model, state)
        forgotten = self._states.get(id(state))
        if forgotten is not None:
            self.record.states[forgotten[1]].alive = False
        self.record.states.append(StateFacts(number, owner, site, self._trained + 1, shares))
        self._states[id(state)] = (weakref.ref(state), number)
        self._next()
        self._write((State, self.site(site), "taken", owner, number), None)

    def state_loaded(self, model: nn.Module, state: Any, site: Site | None) -> None:
        """``load_state_dict`` took a state."""
        known = self._states.get(id(state))
        number = known[1] if known is not None and known[0]() is state else -1
        if number >= 0:
            self.record.states[number].loaded += 1
        owner = self.who.model(model, site)
        states, optimizers = self.record.states, self.record.optimizers
        since = (
            states[number].updates_alive
            if number >= 0
            else sum(one.updates for one in optimizers if self._updates(owner, one.number))
        )
        self._next()
        raw = (State, self.site(site), "loaded", owner, number)
        self._write(raw, None, {"aliased": _aliases(model, state), "updates": since})

    def read(self, function: str, device: str, site: Site | None) -> None:
        """A number was read from an accelerator."""
        self._next()
        self._write((Read, self.site(site), function, device), None)

    # -- the probe for FS105 --------------------------------------------------------------------

    def _prepare_probe(
        self, opened: OpenForward, outputs: list[torch.Tensor], event: Forward
    ) -> None:
        if self._probes_left <= 0 or event.grad != "on" or not opened.model.training:
            return
        if opened.layer is not None and outputs and outputs[0].grad_fn is not None:
            name, layer = opened.layer
            self._layers[opened.at] = (name, layer, outputs[0])

    def _probe_mixing(self, walked: graphs.Walked, loss: torch.Tensor) -> None:
        for at in [at for at in self._layers if at in walked.marks]:
            name, layer, output = self._layers.pop(at)
            event = self._recent.get(at)
            if isinstance(event, Forward):
                self._probes_left -= 1
                event.influence, event.unprobed = probe(name, layer, output)


class _Token:
    """Lives as long as the graph that it is tied to."""

    __slots__ = ("__weakref__",)


def probe(name: str, layer: torch.Tensor, output: torch.Tensor) -> tuple[Any, str]:
    """How far entry 0 of the output reaches back: one extra backward through part of the graph."""
    from fivestep.vitals.facts import Influence

    if not layer.requires_grad or output.dim() < 2 or len(output) < 2 or layer.dim() < 2:
        return None, "the first layer or the prediction has no batch"
    if graphs.takes_from_user_code(output.grad_fn):
        return None, "a custom function or checkpointing lies in between"
    with torch._C.DisableTorchFunction():
        (gradient,) = _gradient(output[0].sum(), layer)
    if gradient is None:
        return None, "the prediction does not depend on the first layer that ran"
    with quietly():
        touched = tuple(
            int((gradient != 0).movedim(d, 0).reshape(gradient.shape[d], -1).any(1).sum())
            for d in range(gradient.dim())
        )
        lowest = tuple(
            int((gradient != 0).movedim(d, 0).reshape(gradient.shape[d], -1).any(1).byte().argmax())
            for d in range(gradient.dim())
        )
    return Influence(name, tuple(layer.shape), touched, lowest), ""


def _gradient(total: torch.Tensor, layer: torch.Tensor) -> Any:
    engine: Callable[..., Any] = torch.autograd.Variable._execution_engine.run_backward
    return engine(
        (total,), (torch.ones_like(total),), True, False, (layer,),
        allow_unreachable=True, accumulate_grad=False,
    )  # fmt: skip


def _last_judged(raws: list[Raw], ats: list[int]) -> int:
    """Where a loss or metric was last taken without gradients; 0 if one with them came after."""
    last = 0
    for raw, at in zip(raws, ats, strict=True):
        if raw[0] is Loss:
            last = at if raw[3] != "on" else 0
        elif raw[0] is Compare:
            last = at
    return last


def _module_run(
    module: nn.Module, name: str, registered: bool, fresh: bool, who: Registry
) -> ModuleRun:
    own = [one for one in module._parameters.values() if one is not None]
    known = [who.parameters.find(one) for one in own]
    momentum: Any = getattr(module, "momentum", None)
    batch_first: Any = getattr(module, "batch_first", None)
    return ModuleRun(
        name=name,
        kind=type(module).__name__,
        training=module.training,
        registered=registered,
        fresh=fresh,
        parameters=tuple(number for number in known if number is not None),
        trainable=any(one.requires_grad for one in own),
        leaf=not module._modules,
        momentum=float(momentum) if isinstance(momentum, (int, float)) else None,
        tracks=getattr(module, "running_mean", None) is not None,
        rate=dropout_rate(module),
        batch_first=batch_first if isinstance(batch_first, bool) else None,
    )


def _aliases(model: nn.Module, state: Any) -> bool:
    """All the weights in a state lie in the model's own memory."""
    own = {identity(one) for one in (*model.parameters(), *model.buffers())}
    values: list[Any] = list(state.values()) if isinstance(state, dict) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    inside = [one for one in values if isinstance(one, torch.Tensor) and one.numel()]
    floating = [one for one in inside if one.is_floating_point()]
    return bool(floating) and all(identity(one) in own for one in floating)


def _keep_value(value: float, event: Any, series: Series | None, iteration: int) -> None:
    if event is not None:
        event.value = value
    if series is not None:
        series.add(iteration, value)


def _grad_mode() -> str:
    if torch.is_grad_enabled():
        return "on"
    return "inference" if torch.is_inference_mode_enabled() else "off"


REGRESSIONS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
_OVER_CLASSES = ("cross_entropy", "nll_loss", "kl_div", "multi_margin_loss")


def _class_dimension(function: str, prediction: torch.Tensor) -> int | None:
    if function == "kl_div":
        return prediction.dim() - 1 if prediction.dim() > 1 else None
    if function in _OVER_CLASSES and prediction.dim() >= 1:
        return 1 if prediction.dim() > 1 else 0
    return None


def _rate(group: dict[str, Any]) -> float:
    rate: Any = group.get("lr", float("nan"))
    if isinstance(rate, torch.Tensor):
        return float(rate) if rate.device.type == "cpu" else float("nan")
    return float(rate) if isinstance(rate, (int, float)) else float("nan")


def _count_rows(record: Record) -> None:
    seen: dict[bool, set[int]] = {True: set(), False: set()}
    for _, event in record.events(Forward):
        for facts in event.inputs[:1]:
            if facts.numbers is not None:
                seen[event.training].update(facts.numbers.rows)
    record.training_rows, record.evaluation_rows = len(seen[True]), len(seen[False])
    record.shared_rows = len(seen[True] & seen[False])

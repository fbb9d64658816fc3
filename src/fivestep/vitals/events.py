"""What can happen in an iteration, in the order in which it happened.

Every event has ``at``, its place in the run (a counter that never goes back), and ``site``, the
user's line. Numbers that belong to one event stand in it. A field that is ``None`` was not
measured.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fivestep.vitals.facts import Graph, Influence, ModuleRun, Site, TensorFacts


@dataclass(slots=True)
class Event:
    """Anything that happened."""

    at: int
    site: Site | None


@dataclass(slots=True)
class Batch(Event):
    """A DataLoader handed out a batch."""

    loader: int
    epoch: int = 0  # how often the loader was started, from 1
    position: int = 0  # in this epoch, from 1
    seconds: float = 0.0  # the loop waited for it
    busy: float = 0.0  # of these, in which the processor worked for the thread that waited
    tensors: tuple[TensorFacts, ...] = ()  # detailed


@dataclass(slots=True)
class EpochEnd(Event):
    """A DataLoader had no more batches."""

    loader: int
    epoch: int = 0
    batches: int = 0


@dataclass(slots=True)
class Drop(Event):
    """``F.dropout`` dropped (training=True) while the model around it is in eval mode."""

    rate: float
    module: str  # the kind of module that asked, "" if forward called the function itself;
    # "scaled_dot_product_attention" if it was that
    registered: bool


@dataclass(slots=True)
class Forward(Event):
    """An outermost model was called (never a module inside it, never a loss)."""

    model: int
    training: bool  # the mode of the model itself
    grad: str  # "on", "off" (no_grad) or "inference"
    inside: int | None  # the optimizer within whose step(closure) it ran
    backward: bool | None = None  # a later backward came through its output (None: not known)
    failed: str = ""  # the error it raised
    inputs: tuple[TensorFacts, ...] = ()  # detailed; the tensors among the arguments, in order
    outputs: tuple[TensorFacts, ...] = ()  # detailed
    modules: tuple[ModuleRun, ...] | None = None  # detailed; None too when the model is compiled
    influence: Influence | None = None  # probed once or twice in a run, FS105
    unprobed: str = ""  # why it was not probed
    dropped: float = 0.0  # detailed: highest rate at which F.dropout really dropped inside it


@dataclass(slots=True)
class Loss(Event):
    """A loss function was called: one of ``torch.nn.functional`` or a module that ends in a scalar.

    A loss written by hand is not heard; it is seen as the ``loss`` of its ``Backward``.
    """

    function: str  # "cross_entropy"; the class for a loss module of the user's own
    grad: str
    training: bool | None  # mode of the model that ran last
    reduction: str
    same_shape: bool  # prediction and target; True where there is no target
    model: int | None  # the outermost model whose forward gave the prediction
    loader: int | None  # whose batch was the last handed out
    prediction: TensorFacts | None = None  # the first argument; detailed, and when the event is new
    target: TensorFacts | None = None  # the second, where it is a tensor
    output: TensorFacts | None = None
    backward: bool | None = None  # a later backward came through it
    value: float | None = None  # of a scalar, read late
    options: dict[str, float] = field(default_factory=dict[str, float])  # label_smoothing, ...
    label_order: float | None = None  # whole-numbered targets, all calls here so far, CPU only:
    label_distance: float | None = None  # see vitals/labels.py


@dataclass(slots=True)
class Clear(Event):
    """``zero_grad`` of an optimizer or of a model."""

    optimizer: int | None
    model: int | None  # set for ``module.zero_grad()``
    optimizers: tuple[int, ...]  # those whose gradients it cleared
    inside: int | None


@dataclass(slots=True)
class Stray:
    """A leaf that got a gradient and is no parameter of a model that ran nor of an optimizer."""

    shape: tuple[int, ...]
    module: str  # the kind of an unregistered module that holds it, "" if none was seen
    fresh: bool  # another tensor in every iteration
    kind: str  # "Parameter" or "Tensor"
    attribute: str = ""  # where a model keeps it unregistered: "layers[1].weight", "scale"


@dataclass(slots=True)
class Backward(Event):
    """``backward()`` of a loss, the outermost one."""

    retain_graph: bool
    create_graph: bool
    inside: int | None
    optimizers: tuple[int, ...]  # those whose parameters it reaches
    kept: tuple[int, ...]  # of these: those whose gradients were not empty (None, or all zero)
    scaled: bool  # by a GradScaler
    error: str  # the one it raised
    loss: TensorFacts | None = None  # detailed, and whenever the event is new
    value: float | None = None  # read late
    reached: tuple[int, ...] | None = None  # detailed: parameters by number
    strays: tuple[Stray, ...] = ()  # detailed
    forwards: tuple[int, ...] | None = None  # detailed: ``at`` of the forwards that it came through
    losses: tuple[int, ...] | None = None  # detailed: ``at`` of the losses that it came through
    graph: Graph | None = None  # detailed, and only when it differs from the last at this site
    graphs_alive: int = 0  # graphs of earlier losses still in memory
    gradient_norm: float | None = None  # detailed: over the parameters reached, after it
    again: bool = False  # it went through a graph that an earlier backward had retained


@dataclass(slots=True)
class Derivative(Event):
    """``torch.autograd.grad`` was called."""

    create_graph: bool


@dataclass(slots=True)
class Clip(Event):
    """Gradients were clipped."""

    function: str  # "clip_grad_norm_" or "clip_grad_value_"
    limit: float
    optimizers: tuple[int, ...]  # those whose gradients it clipped
    scaled: bool  # the gradients still carry the GradScaler's factor
    empty: bool  # there was no gradient to clip
    total_norm: float | None = None  # before clipping, read late


@dataclass(slots=True)
class Norm:
    """A parameter at one update (2-norms, over at most its first 65,536 elements)."""

    parameter: int
    weight: float
    gradient: float | None  # None: it had no gradient
    update: float  # of the change


@dataclass(slots=True)
class Update(Event):
    """The weights were changed once, by ``optimizer.step()`` or by hand."""

    optimizer: int | None  # None: by hand, no optimizer
    closure: bool
    scaler: bool  # stepped through a GradScaler
    gradients: str  # "some", "none" (all None), "zero"; "new" if assigned by hand, no backward
    untouched: bool  # the very gradients of its last update, nothing added, nothing cleared
    backwards: int  # that reached its parameters since its last update
    summed: int  # backwards since its gradients were last cleared
    cleared: Site | None  # where gradients were cleared after the last backward, if they were
    last_backward: Site | None
    carried: int = 0  # earlier updates whose gradients are still in this one's: 0 in a sound loop
    began: int = 0  # ``at`` of its start (events of a closure lie between)
    rates: tuple[float, ...] = ()  # of its groups
    norms: tuple[Norm, ...] | None = None  # detailed
    weight_norm: float | None = None  # detailed, over all its parameters
    gradient_norm: float | None = None
    update_norm: float | None = None
    cosine: float | None = None  # of this gradient with that of the update just before it

    @property
    def ratio(self) -> float | None:
        """Norm of the change to norm of the weights."""
        if self.update_norm is None or not self.weight_norm:
            return None
        return self.update_norm / self.weight_norm


@dataclass(slots=True)
class Schedule(Event):
    """``scheduler.step()``."""

    scheduler: int
    first: bool  # there was no update of its optimizer yet
    before: tuple[float, ...] = ()  # rates
    after: tuple[float, ...] = ()
    updates: int = 0  # of its optimizer since the run began


@dataclass(slots=True)
class Scale(Event):
    """A call of a GradScaler."""

    action: str  # "scale", "unscale", "step", "update"
    optimizer: int | None
    skipped: bool  # "step" found inf and left the weights alone


@dataclass(slots=True)
class Compare(Event):
    """``a == b`` of two tensors outside any model, as metrics do."""

    left_shape: tuple[int, ...]
    right_shape: tuple[int, ...]
    outcome: tuple[int, ...]  # shape of the result
    left: TensorFacts | None = None  # detailed, and when the event is new
    right: TensorFacts | None = None


@dataclass(slots=True)
class Pick(Event):
    """``argmax`` or ``max`` along a dimension, outside any model."""

    function: str
    shape: tuple[int, ...]
    size: int  # of the dimension that was picked from
    tensor: TensorFacts | None = None


@dataclass(slots=True)
class State(Event):
    """``state_dict()`` was taken from a model, loaded into one, or given to ``torch.save``."""

    action: str  # "taken", "loaded" or "saved"
    model: int
    state: int  # number of the state in the record; -1 for one not taken here
    aliased: bool = False  # it holds the live weights of this model: loading it changes nothing
    updates: int = 0  # of the model's weights since it was taken (-1 taken elsewhere: in all)


@dataclass(slots=True)
class Read(Event):
    """A number was read from an accelerator: ``.item()``, ``print``, ``.cpu()``."""

    function: str
    device: str


EVENTS: dict[str, type[Event]] = {
    kind.__name__.lower(): kind
    for kind in (
        Batch, EpochEnd, Drop, Forward, Loss, Clear, Backward, Derivative, Clip, Update,
        Schedule, Scale, Compare, Pick, State, Read,
    )
}  # fmt: skip

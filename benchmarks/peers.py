"""The same training, as each of the other libraries has it done.

Everybody gets the same model, optimizer and list of batches, by the leanest way that the library
accepts; what has to be switched off to train the same weights is switched off.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

from works import Job

Variant = Callable[[Job], None]


class Peer(NamedTuple):
    """Another library's loop: how its training is made, and how its data reaches it."""

    name: str
    make: Callable[[], Variant]  # ImportError where the library is not installed
    data: str


class Prepared:
    """An iterable of batches and nothing more: Lightning takes a list for a list of loaders."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def ignite_engine() -> Variant:
    engine: Any = import_module("ignite.engine")

    def run(job: Job) -> None:
        model, loss_fn, optimizer, batches = job

        def update(_engine: Any, batch: Any) -> Any:
            inputs, targets = batch
            loss = loss_fn(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        engine.Engine(update).run(batches, max_epochs=1)

    return run


def ignite() -> Variant:
    engine: Any = import_module("ignite.engine")

    def run(job: Job) -> None:
        trainer = engine.create_supervised_trainer(job.model, job.optimizer, job.loss_fn)
        trainer.run(job.batches, max_epochs=1)

    return run


def fabric() -> Variant:
    library: Any = import_module("lightning.fabric")

    def run(job: Job) -> None:
        made = library.Fabric(accelerator="cpu", devices=1)
        model, optimizer = made.setup(job.model, job.optimizer)
        for inputs, targets in job.batches:
            loss = job.loss_fn(model(inputs), targets)
            optimizer.zero_grad()
            made.backward(loss)
            optimizer.step()

    return run


def lightning(**options: Any) -> Variant:
    library: Any = import_module("lightning")

    class Module(library.LightningModule):
        def __init__(self, job: Job) -> None:
            super().__init__()
            self.model, self.loss_fn, self.made = job.model, job.loss_fn, job.optimizer

        def training_step(self, batch: Any) -> Any:
            inputs, targets = batch
            return self.loss_fn(self.model(inputs), targets)

        def configure_optimizers(self) -> Any:
            return self.made

    def run(job: Job) -> None:
        with tempfile.TemporaryDirectory() as folder:
            trainer = library.Trainer(
                **{"max_epochs": 1, "accelerator": "cpu", "devices": 1, "default_root_dir": folder}
                | options
            )
            trainer.fit(Module(job), train_dataloaders=Prepared(job.batches))

    return run


def accelerate() -> Variant:
    library: Any = import_module("accelerate")

    def run(job: Job) -> None:
        accelerator = library.Accelerator(cpu=True)
        model, optimizer = accelerator.prepare(job.model, job.optimizer)
        for inputs, targets in job.batches:
            loss = job.loss_fn(model(inputs), targets)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
        accelerator.free_memory()

    return run


def trainer() -> Variant:
    library: Any = import_module("transformers")
    schedules: Any = import_module("torch.optim.lr_scheduler")

    class Trainer(library.Trainer):
        def __init__(self, job: Job, arguments: Any) -> None:
            constant = schedules.ConstantLR(job.optimizer, factor=1.0)
            super().__init__(model=job.model, args=arguments, optimizers=(job.optimizer, constant))
            self.job = job

        def get_train_dataloader(self) -> Any:
            return [{"inputs": inputs, "targets": targets} for inputs, targets in self.job.batches]

        def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
            return self.job.loss_fn(model(inputs["inputs"]), inputs["targets"])

    def run(job: Job) -> None:
        with tempfile.TemporaryDirectory() as folder:
            arguments = library.TrainingArguments(
                output_dir=folder,
                num_train_epochs=1,
                use_cpu=True,
                disable_tqdm=True,
                logging_strategy="no",
                save_strategy="no",
                report_to="none",
                max_grad_norm=0.0,
            )
            Trainer(job, arguments).train()

    return run


def skorch() -> Variant:
    library: Any = import_module("skorch")

    class Net(library.NeuralNet):
        def initialize_optimizer(self, *_: Any, **__: Any) -> Any:
            self.optimizer_ = self.optimizer
            return self

        def get_iterator(self, dataset: Any, training: bool = False) -> Any:
            return dataset

        def get_split_datasets(self, X: Any, y: Any = None, **_: Any) -> Any:  # noqa: N803
            return X, None

        def check_data(self, *_: Any) -> None: ...

    def run(job: Job) -> None:
        net = Net(job.model, job.loss_fn, optimizer=job.optimizer, max_epochs=1, train_split=None)
        net.fit(job.batches)

    return run


PEERS = (
    Peer("Ignite", ignite, "the list, by create_supervised_trainer"),
    Peer("Ignite, bare Engine", ignite_engine, "the list, and the five steps written by hand"),
    Peer("Fabric", fabric, "the list"),
    Peer("Accelerate", accelerate, "the list"),
    Peer("skorch", skorch, "the list, by get_iterator"),
    Peer("Lightning barebones", lambda: lightning(barebones=True), "an iterable over the list"),
    Peer("Lightning", lightning, "the same; progress bar, logger, checkpoint as by default"),
    Peer("HF Trainer", trainer, "a list of dicts, by get_train_dataloader; logs and saves nothing"),
)

"""Keras on PyTorch: `compile`, `fit` and `evaluate`. Its models are written in its own terms."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"  # read when it is imported

import keras
import torch
from keras import ops

from . import problems as p
from .measure import Seen

NAME, PACKAGE = "Keras", "keras"
keras.config.set_floatx("float64")


class Weight(keras.layers.Layer):
    """One weight; a sampling one draws in every forward, a rooted one is NaN below zero."""

    def __init__(self, start=0.0, *, kind="plain", **options):
        super().__init__(**options)
        self.kind, self.random = kind, keras.random.SeedGenerator(0)
        self.w = self.add_weight(shape=(1,), initializer=keras.initializers.Constant(start))

    def call(self, x):
        if self.kind == "rooted":
            return self.w * ops.sqrt(x)
        if self.kind == "noisy":
            return self.w * x * keras.random.uniform((), seed=self.random)
        if self.kind == "tokens":
            return ops.stack([ops.zeros_like(x), self.w * x], axis=-1)
        return self.w * x


def mean(_target, prediction):
    return ops.mean(prediction)


def token_loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=p.IGNORED)


def compiled(*layers, loss=mean, lr=1.0, metrics=None, policy=None, **options):
    model = keras.Sequential(list(layers))
    optimizer = keras.optimizers.SGD(lr, **options)
    model.compile(policy(optimizer) if policy else optimizer, loss=loss, metrics=metrics)
    return model


def fit(model, loader, **options):
    return model.fit(loader, verbose=0, **options)


def weight(model):
    return model.layers[-1].w.numpy().item()


def short_window():
    model = compiled(Weight(), gradient_accumulation_steps=4)
    fit(model, p.loader(p.samples(p.SIX)))
    return Seen(weight(model))


def unequal_tokens():
    model = compiled(Weight(kind="tokens"), loss=token_loss(), gradient_accumulation_steps=4)
    fit(model, p.loader(p.texts()))
    return Seen(weight(model))


def uneven_evaluation():
    model = compiled(Weight(1.0))
    return Seen(model.evaluate(p.loader(p.samples(p.FIVE), 2), verbose=0))


def masked_evaluation():
    model = compiled(Weight(1.0, kind="tokens"), loss=token_loss())
    return Seen(model.evaluate(p.loader(p.texts(), 2), verbose=0))


class Losses(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.last = logs["loss"]


def nan_logged():
    losses = Losses()
    fit(compiled(Weight(kind="rooted")), p.loader(p.samples(p.BREAKING)), callbacks=[losses])
    return Seen(losses.last)


def nan_weight():
    def after(**options):
        model = compiled(Weight(kind="rooted"))
        fit(model, p.loader(p.samples(p.BREAKING)), **options)
        return weight(model)

    return Seen(
        after(), {"`TerminateOnNaN()`": after(callbacks=[keras.callbacks.TerminateOnNaN()])}
    )


def halving(steps):
    return keras.optimizers.schedules.ExponentialDecay(1.0, steps, 0.5, staircase=True)


def schedule_frequency():
    model = compiled(Weight(), lr=halving(2), gradient_accumulation_steps=2)
    fit(model, p.loader(p.samples(p.TEN)))
    return Seen(weight(model))


def metric():
    rmse = keras.metrics.RootMeanSquaredError()
    model = compiled(Weight(1.0), metrics=[rmse])
    _, value = model.evaluate(p.loader(p.samples(p.ERRORS), 2), verbose=0)
    return Seen(value)


def validation_randomness():
    def after(validate):
        keras.utils.set_random_seed(0)
        model, held_out = compiled(Weight(kind="noisy")), p.loader(p.samples(p.FOUR))
        options = {"validation_data": held_out} if validate else {}
        fit(model, p.loader(p.samples(p.FOUR)), epochs=2, **options)
        return weight(model)

    return Seen(p.trace(after))


def frozen_batchnorm():
    """Frozen the way of Keras: ``trainable = False`` is inference mode too."""
    norm = keras.layers.BatchNormalization(momentum=0.9, trainable=False)
    model, four = compiled(norm, Weight()), p.loader(p.samples(p.FOUR), 2)
    fit(model, four, validation_data=four, epochs=2)
    return Seen(norm.moving_mean.numpy().item())


def skipped_update():
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", dtype="mixed_float16")
    model = compiled(layer, lr=halving(1), policy=scaled)
    fit(model, p.loader(p.samples(p.FOUR, torch.float32)))
    updates = int(model.optimizer.inner_optimizer.iterations)
    if updates != 3:
        raise RuntimeError(f"{updates} updates, and 3 were to be made")
    return Seen(layer.kernel.numpy().item())


def scaled(optimizer):
    return keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=65536.0)


def epoch_loss():
    history = fit(compiled(Weight(1.0), lr=0.0), p.loader(p.samples(p.FIVE), 2))
    return Seen(history.history["loss"][-1])

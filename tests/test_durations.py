"""Durations: read from text, counted in iterations and updates, and told when they are due."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivestep.durations import UNITS, Duration, Every, Lengths, duration


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("3 epochs", 3, "epoch"),
        ("1 epoch", 1, "epoch"),
        ("epoch", 1, "epoch"),
        ("update", 1, "update"),
        ("run", 1, "run"),
        ("500 updates", 500, "update"),
        ("100 iterations", 100, "iteration"),
        ("0.1 run", 0.1, "run"),
        (".25 run", 0.25, "run"),
        ("0.5 epochs", 0.5, "epoch"),
        ("2.0 epochs", 2, "epoch"),
        ("1_000 updates", 1000, "update"),
        ("1,000,000 updates", 1_000_000, "update"),
        ("  3  Epochs\n", 3, "epoch"),
        ("3epochs", 3, "epoch"),
        ("4.0 updates", 4, "update"),
    ],
)
def test_text_is_read(text: str, amount: float, unit: str) -> None:
    read = duration(text, "every")
    assert read == (amount, unit)
    assert type(read.amount) is type(amount)


@pytest.mark.parametrize("unit", UNITS)
def test_a_whole_number_is_in_the_unit_of_the_caller(unit: Any) -> None:
    assert duration(1, "every", unit=unit) == (1, unit)


def test_a_duration_is_read_again() -> None:
    assert duration(Duration(0.5, "epoch"), "every") == (0.5, "epoch")
    with pytest.raises(ValueError, match="every='0 updates' was given"):
        duration(Duration(0, "update"), "every")


@given(st.integers(1, 10**9), st.sampled_from(UNITS[:3]))
def test_what_is_written_is_read_back(amount: int, unit: Any) -> None:
    written = str(Duration(amount, unit))
    assert duration(written, "every") == (amount, unit)
    assert written.endswith("s") == (amount != 1)


@pytest.mark.parametrize(
    ("given_", "do"),
    [
        ("3 epoch s", "do: every='3 epochs'"),
        ("3 epocs", "do: every='3 epochs'"),
        ("1 epochz", "do: every='1 epoch'"),
        ("iteratons", "do: every='iteration'"),
        ("3 steps", "one of the five .* say updates, or iterations: every='3 updates'"),
        ("step", "say updates, or iterations: every='update'"),
        ("20 batches", "is an iteration: every='20 iterations'"),
        ("20 batch", "is an iteration: every='20 iterations'"),
        ("100", "say of what: every='100 updates'"),
        ("1", "say of what: every='1 update'"),
        ("", "say of what: every='1 update'"),
        ("3 minutes", "count in iterations, updates, epochs or parts of the run"),
        ("1,5 epochs", "every='3 epochs'"),
        ("epochs 3", "do: every='3 epochs'"),
        ("1__0 updates", "every='3 epochs'"),
        ("0 epochs", "at least: every='1 epoch'"),
        ("-3 epochs", "at least: every='1 epoch'"),
        ("- epochs", "every='"),
        ("0 updates", "at least: every='1 update'"),
        ("1.5 updates", "updates are whole"),
        ("0.5 iterations", "iterations are whole"),
        ("2 runs", "parts from 0 to 1: every='0.1 run'"),
        ("1.01 run", "parts from 0 to 1"),
        ("0 run", "parts from 0 to 1"),
        ("-0.1 run", "parts from 0 to 1"),
        ("nan epochs", "every='"),
        ("1e3 updates", "every='"),
        (0, "at least: every='1 update'"),
        (-1, "at least: every='1 update'"),
    ],
)
def test_no_duration_is_told_what_to_write(given_: Any, do: str) -> None:
    with pytest.raises(
        ValueError, match=f"(?s)^every=.* was given, .*do: .*{do.split('do: ')[-1]}"
    ):
        duration(given_, "every")


@pytest.mark.parametrize(
    ("given_", "do"),
    [
        (None, "every='3 epochs'"),
        (True, "every='3 epochs'"),
        (["3 epochs"], "every='3 epochs'"),
        (0.1, "every='0.1 run'"),
        (2.5, "every='2.5 updates'"),
        (np.int64(3), "every='3 updates'"),
    ],
)
def test_what_is_neither_text_nor_a_whole_number(given_: Any, do: str) -> None:
    with pytest.raises(TypeError, match=f"(?s)every=.* is of type .*do: {do}"):
        duration(given_, "every")


@pytest.mark.parametrize(
    ("text", "updates", "iterations"),
    [  # an epoch of 10 batches in windows of 4: 4, 4 and 2; 2.5 epochs are the run
        ("1 update", 1, 4),
        ("2 updates", 2, 8),
        ("3 updates", 3, 10),
        ("4 updates", 4, 14),
        ("1 iteration", 1, 1),
        ("4 iterations", 1, 4),
        ("5 iterations", 2, 5),
        ("9 iterations", 3, 9),
        ("10 iterations", 3, 10),
        ("11 iterations", 4, 11),
        ("1 epoch", 3, 10),
        ("2 epochs", 6, 20),
        ("0.5 epochs", 2, 5),
        ("0.1 epochs", 1, 1),
        ("1 run", 8, 25),
        ("0.1 run", 1, 3),
        ("0.5 run", 4, 13),
    ],
)
def test_lengths_are_counted(text: str, updates: int, iterations: int) -> None:
    read = duration(text, "warmup")
    for lengths in (Lengths(10, 3, 2.5), Lengths(10, window=4, epochs=2.5)):
        assert lengths.in_updates(read) == updates
        assert lengths.in_iterations(read) == iterations


def test_rounding_is_not_fooled_by_binary_fractions() -> None:
    assert math.ceil(0.07 * 100) == 8  # what it is held against
    assert Lengths(100, epochs=1).in_updates(duration("0.07 epochs", "every")) == 7
    assert Lengths(10, epochs=1).in_updates(Duration(0.1 + 0.2, "run")) == 3
    assert Lengths(3, epochs=1).in_updates(Duration(2 / 3, "run")) == 2
    assert Lengths(10, epochs=1).in_updates(Duration(1e-9, "run")) == 1


def test_the_run_may_be_given_in_updates() -> None:
    lengths = Lengths(run=Duration(200, "update"))
    assert lengths.in_updates(Duration(0.1, "run")) == 20
    assert Lengths(10, 3, run=Duration(7, "update")).in_iterations(Duration(1, "run")) == 24


@given(st.integers(1, 50), st.integers(1, 60), st.integers(1, 200))
def test_counts_are_those_of_a_loop(batches: int, window: int, amount: int) -> None:
    done, updates_at = 0, [0]  # after each iteration of a loop that really counts
    while len(updates_at) <= (amount + 1) * min(window, batches):
        place = (len(updates_at) - 1) % batches + 1
        done += place % window == 0 or place == batches
        updates_at.append(done)
    lengths = Lengths(batches, window=window, epochs=1)
    assert lengths.in_iterations(Duration(amount, "update")) == updates_at.index(amount)
    over = amount  # the first iteration from `amount` on that ends with an update
    while updates_at[over] == updates_at[over - 1]:
        over += 1
    assert lengths.in_updates(Duration(amount, "iteration")) == updates_at[over]
    assert lengths.in_updates(Duration(amount / batches, "epoch")) == updates_at[over]


@pytest.mark.parametrize(
    ("text", "lengths", "into", "missing"),
    [
        ("1 epoch", Lengths(), "updates", "updates_per_epoch"),
        ("1 epoch", Lengths(), "iterations", "iterations_per_epoch"),
        ("9 iterations", Lengths(), "updates", "iterations_per_epoch"),
        ("9 iterations", Lengths(updates_per_epoch=3), "updates", "iterations_per_epoch"),
        ("9 updates", Lengths(), "iterations", "iterations_per_epoch"),
        ("0.1 run", Lengths(10), "updates", "how long it is"),
        ("0.1 run", Lengths(epochs=3), "updates", "updates_per_epoch"),
    ],
)
def test_an_unknown_length_is_told(text: str, lengths: Lengths, into: str, missing: str) -> None:
    count = lengths.in_updates if into == "updates" else lengths.in_iterations
    with pytest.raises(ValueError, match=f"(?s)was given.*not known\n  do: .*{missing}"):
        count(duration(text, "warmup"))


def test_a_window_of_one_needs_no_length_of_the_epoch() -> None:
    assert Lengths(window=1).in_updates(Duration(9, "iteration")) == 9
    assert Lengths(window=1).in_iterations(Duration(9, "update")) == 9


def _walk(
    every: Every, *, batches: int, window: int, epochs: int, midway: bool, twice: bool = False
) -> list[tuple[int, int]]:
    """Go through a training as fit would; list the iterations and updates at which it was due."""
    iteration = update = 0
    due: list[tuple[int, int]] = []

    def ask(epoch: int, *, ended: bool) -> None:
        if every.due(iteration=iteration, update=update, epoch=epoch, epoch_ended=ended):
            due.append((iteration, update))

    for epoch in range(1, epochs + 1):
        for batch in range(1, batches + 1):
            iteration += 1
            updates = batch % window == 0 or batch == batches
            update += updates
            if updates or midway:
                ask(epoch, ended=batch == batches and not twice)
        if twice:
            ask(epoch, ended=True)
    return due


WALKS: list[tuple[str, list[int]]] = [  # 10 batches in windows of 4, 4 epochs: 12 updates
    ("1 update", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    ("2 updates", [2, 4, 6, 8, 10, 12]),
    ("3 updates", [3, 6, 9, 12]),
    ("5 updates", [5, 10]),
    ("1 epoch", [3, 6, 9, 12]),
    ("2 epochs", [6, 12]),
    ("3 epochs", [9]),
    ("0.5 epochs", [2, 3, 5, 6, 8, 9, 11, 12]),
    ("1.5 epochs", [5, 9]),
    ("0.25 run", [3, 6, 9, 12]),
    ("0.2 run", [3, 5, 8, 10, 12]),
    ("1 run", [12]),
    ("0.01 run", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
]


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("midway", [False, True])
@pytest.mark.parametrize(("text", "updates"), WALKS)
def test_due(text: str, updates: list[int], midway: bool, twice: bool) -> None:
    every = Every(duration(text, "every"), Lengths(10, 3, 4))
    found = _walk(every, batches=10, window=4, epochs=4, midway=midway, twice=twice)
    assert [update for _, update in found] == updates


def test_iterations_are_due_at_their_multiples() -> None:
    every = Every(duration("4 iterations", "every"))
    found = _walk(every, batches=10, window=1, epochs=2, midway=True)
    assert found == [(n, n) for n in (4, 8, 12, 16, 20)]


def test_iterations_asked_about_at_updates_are_due_with_the_next() -> None:
    every = Every(duration("5 iterations", "every"))
    found = _walk(every, batches=10, window=4, epochs=2, midway=False)
    assert found == [(8, 2), (10, 3), (18, 5), (20, 6)]


@given(
    st.sampled_from(["1 iteration", "2 iterations", "7 iterations"])
    | st.sampled_from([text for text, _ in WALKS]),
    st.integers(1, 12),
    st.integers(1, 6),
    st.booleans(),
    st.booleans(),
)
def test_nothing_is_due_twice_for_one_update(
    text: str, batches: int, window: int, midway: bool, twice: bool
) -> None:
    every = Every(duration(text, "every"), Lengths(batches, window=window, epochs=3))
    found = _walk(every, batches=batches, window=window, epochs=3, midway=midway, twice=twice)
    updates = [update for _, update in found]
    assert updates == sorted(set(updates))


@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 60))
def test_parts_of_the_run_are_as_many_as_they_say(batches: int, epochs: int, parts: int) -> None:
    every = Every(Duration(1 / parts, "run"), Lengths(batches, epochs=epochs))
    found = _walk(every, batches=batches, window=1, epochs=epochs, midway=False)
    total = batches * epochs
    marks = {math.ceil(Fraction(k, parts) * total) for k in range(1, parts + 1)}
    assert [update for _, update in found] == sorted(marks)


def test_a_training_that_goes_on_is_not_due_for_what_was_before() -> None:
    for text in ("100 updates", "100 iterations"):
        every = Every(duration(text, "every"), made=504)
        assert not every.due(iteration=505, update=505, epoch=2)
        assert every.due(iteration=600, update=600, epoch=2)


def test_parts_of_an_unknown_length_are_refused_at_once() -> None:
    for text in ("0.5 epochs", "0.1 run"):
        with pytest.raises(ValueError, match="not known"):
            Every(duration(text, "every"))
    Every(duration("2 epochs", "every"))

"""leaked-validation: rows on both sides, and the evaluations of training data that are no leak."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import (
    DataLoader,
    SubsetRandomSampler,
    TensorDataset,
    random_split,
)
from watching import names, watch

Pair = tuple[torch.Tensor, torch.Tensor]


def table(rows: int = 400, columns: int = 6) -> Pair:
    x = torch.randn(rows, columns)
    return x, (x[:, 0] > 0).long()


def network(columns: int = 6) -> nn.Module:
    return nn.Sequential(nn.Linear(columns, 16), nn.ReLU(), nn.Linear(16, 2))


def fit(model: nn.Module, x: torch.Tensor, y: torch.Tensor, epochs: int = 3) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(x)).split(20):
            optimizer.zero_grad()
            fn.cross_entropy(model(x[chosen]), y[chosen]).backward()
            optimizer.step()


def score(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def fit_loader(model: nn.Module, loader: Iterable[Pair], epochs: int = 3) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            fn.cross_entropy(model(x), y).backward()
            optimizer.step()


def evaluate(model: nn.Module, loader: Iterable[Pair]) -> None:
    model.eval()
    with torch.no_grad():
        for x, y in loader:
            fn.cross_entropy(model(x), y)


# -- sick ---------------------------------------------------------------------------------------


def test_a_test_set_that_is_part_of_the_training_set() -> None:
    def loop() -> None:
        (x, y), model = table(), network()
        x_test, y_test = x[300:], y[300:]
        fit(model, x, y)
        score(model, x_test, y_test)

    (finding,) = watch(loop).findings
    assert finding.rule == "leaked-validation"
    assert finding.evidence["called"] == "x_test"
    assert (finding.evidence["shared_rows"], finding.evidence["evaluation_rows"]) == (100, 100)


def test_two_loaders_over_the_same_data_set() -> None:
    def loop() -> None:
        data, model = TensorDataset(*table()), network()
        train_loader = DataLoader(data, batch_size=32, shuffle=True)
        val_loader = DataLoader(data, batch_size=64)
        fit_loader(model, train_loader)  # pyright: ignore[reportArgumentType]
        evaluate(model, val_loader)  # pyright: ignore[reportArgumentType]

    (finding,) = watch(loop).findings
    assert finding.rule == "leaked-validation"
    assert "`val_loader`" in finding.message


def test_parts_that_overlap_without_a_telling_name() -> None:
    def loop() -> None:
        (x, y), model = table(), network()
        fit(model, x[:320], y[:320])
        score(model, x[240:], y[240:])

    (finding,) = watch(loop).findings
    assert finding.rule == "leaked-validation"
    assert finding.evidence["shared_rows"] == 80


def test_copies_of_training_rows_among_new_ones() -> None:
    def loop() -> None:
        (x, y), model = table(), network()
        fit(model, x[:300], y[:300])
        mixed = torch.cat([x[300:], x[:60]])[torch.randperm(160)]
        for chosen in torch.arange(160).split(80):
            score(model, mixed[chosen], y[chosen])

    assert names(loop) == ["leaked-validation"]


def test_images_split_by_two_random_orders() -> None:
    def loop() -> None:
        x, y = torch.rand(200, 1, 6, 6), torch.randint(2, (200,))
        model = nn.Sequential(nn.Flatten(), network(36))
        chosen, held = torch.randperm(200)[:150], torch.randperm(200)[:50]
        fit(model, x[chosen], y[chosen])
        valX, valY = x[held], y[held]  # noqa: N806
        score(model, valX, valY)

    assert names(loop) == ["leaked-validation"]


# -- healthy ------------------------------------------------------------------------------------


def rare(rows: int = 400) -> Pair:
    x = torch.randn(rows, 6)
    return x, (torch.rand(rows) < 0.1).long()


def oversampled(x: torch.Tensor, y: torch.Tensor) -> Pair:
    few = torch.nonzero(y).flatten()
    extra = few[torch.randint(len(few), (len(y) - 2 * len(few),))]
    return torch.cat([x, x[extra]]), torch.cat([y, y[extra]])


def test_rows_multiplied_before_the_split() -> None:
    def loop() -> None:
        x, y = oversampled(*rare())
        order = torch.randperm(len(x))
        x, y = x[order], y[order]
        x_train, y_train, x_val, y_val = x[:500], y[:500], x[500:], y[500:]
        model = network()
        fit(model, x_train, y_train)
        score(model, x_val, y_val)

    (finding,) = watch(loop).findings
    assert finding.rule == "leaked-validation"
    assert finding.evidence["called"] == "x_val"


def measured(times: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> Pair:
    """Every row as often as ``times`` says, in a random order."""
    x, y = x.repeat_interleave(times, 0), y.repeat_interleave(times, 0)
    order = torch.randperm(len(x))
    return x[order], y[order]


def split_and_score(x: torch.Tensor, y: torch.Tensor) -> None:
    cut, model = int(0.75 * len(x)), network()
    x_train, y_train, x_val, y_val = x[:cut], y[:cut], x[cut:], y[cut:]
    fit(model, x_train, y_train)
    score(model, x_val, y_val)


def balanced(rows: int = 400, share: float = 0.2) -> tuple[torch.Tensor, Pair]:
    """A rare class, and how often each of its rows must be there for it not to be rare."""
    x = torch.randn(rows, 6)
    y = (x[:, 0] > x[:, 0].quantile(1 - share)).long()
    return 1 + y * (round((1 - share) / share) - 1), (x, y)


def test_rows_of_a_rare_class_that_are_there_four_times() -> None:
    def loop() -> None:
        times, (x, y) = balanced()
        split_and_score(*measured(times, x, y))

    (finding,) = watch(loop).findings
    assert finding.rule == "leaked-validation"
    assert finding.evidence["called"] == "x_val"


def test_a_rare_class_drawn_again_before_the_split_with_a_loss_of_one_logit() -> None:
    def loop() -> None:
        _, (x, y) = balanced()
        x, y = oversampled(x, y)
        order = torch.randperm(len(x))
        x, y, model = x[order], y[order].float(), nn.Linear(6, 1)
        train = DataLoader(TensorDataset(x[:480], y[:480]), batch_size=32, shuffle=True)
        holdout = DataLoader(TensorDataset(x[480:], y[480:]), batch_size=80)
        optimizer, bce = torch.optim.Adam(model.parameters(), lr=0.01), nn.BCEWithLogitsLoss()
        for _ in range(3):
            for inputs, targets in train:
                optimizer.zero_grad()
                bce(model(inputs).flatten(), targets).backward()
                optimizer.step()
            with torch.no_grad():
                for inputs, targets in holdout:
                    bce(model(inputs).flatten(), targets)

    (finding,) = watch(loop).findings
    assert finding.rule == "leaked-validation"
    assert finding.evidence["called"] == "holdout"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", ["both classes", "not balanced", "once or twice", "by nature"])
def test_rows_measured_again_are_silent(case: str, seed: int) -> None:
    """Copies in both classes, or in one that is not the rarer for it, or hardly any."""

    def loop() -> None:
        times, (x, y) = balanced()
        if case == "both classes":  # and yet as frequent
            times[torch.nonzero(y == 0).flatten()[:24]] = 4
        elif case == "not balanced":
            x, y = torch.cat([x, torch.randn(600, 6)]), torch.cat([y, 0 * torch.arange(600)])
            times = torch.cat([times, torch.ones(600).long()])
        elif case == "once or twice":
            y = (x[:, 0] > x[:, 0].quantile(0.6)).long()
            times = 1 + y * torch.randint(2, y.shape)
        else:
            times = torch.randint(1, 6, y.shape)
        split_and_score(*measured(times, x, y))

    assert "leaked-validation" not in names(loop, seed)


def drawn_again(x: torch.Tensor, y: torch.Tensor, each: int) -> Pair:
    """Every class drawn with replacement until it has ``each`` rows, in a random order."""
    rows = [torch.nonzero(y == label).flatten() for label in y.unique()]
    chosen = torch.cat([one[torch.randint(len(one), (each,))] for one in rows])
    chosen = chosen[torch.randperm(len(chosen))]
    return x[chosen], y[chosen]


def unbalanced(rows: int = 500, share: float = 0.3) -> Pair:
    x = torch.randn(rows, 6)
    return x, (x[:, 0] > x[:, 0].quantile(1 - share)).long()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("each", [350, 900])
def test_every_class_drawn_again_before_the_split(each: int, seed: int) -> None:
    def loop() -> None:
        split_and_score(*drawn_again(*unbalanced(), each))

    (finding,) = watch(loop, seed).findings
    assert finding.rule == "leaked-validation"
    assert finding.evidence["called"] == "x_val"


def test_three_classes_drawn_again_and_two_loaders() -> None:
    def loop() -> None:
        x = torch.randn(600, 6)
        y = torch.bucketize(x[:, 0].contiguous(), torch.tensor([0.0, 1.0]))
        data = TensorDataset(*drawn_again(x, y, 400))
        model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
        train_data, test_data = random_split(data, [0.8, 0.2])
        fit_loader(model, DataLoader(train_data, batch_size=32, shuffle=True))  # pyright: ignore[reportArgumentType]
        test_loader = DataLoader(test_data, batch_size=64)
        evaluate(model, test_loader)  # pyright: ignore[reportArgumentType]

    assert names(loop) == ["leaked-validation"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", ["after the split", "by nature", "a bag"])
def test_classes_drawn_again_otherwise_are_silent(case: str, seed: int) -> None:
    """After the split, one draw over all classes, or rows that are there again by themselves."""

    def loop() -> None:
        x, y = unbalanced(share=0.5 if case == "by nature" else 0.3)
        if case == "after the split":
            (x_train, y_train), model = drawn_again(x[:400], y[:400], 300), network()
            x_val, y_val = x[400:], y[400:]
            fit(model, x_train, y_train)
            score(model, x_val, y_val)
        elif case == "by nature":
            split_and_score(*measured(torch.randint(1, 6, y.shape), x, y))
        else:
            bag = torch.randint(500, (500,))
            split_and_score(x[bag], y[bag])

    assert "leaked-validation" not in names(loop, seed)


def test_an_evaluation_of_which_only_argmax_is_heard() -> None:
    def loop() -> None:
        x, y = table()
        x_train, y_train, x_test = x[:300], y[:300], x[200:]
        model = network()
        fit(model, x_train, y_train)
        with torch.no_grad():
            answers = model(x_test).argmax(1)
        assert len(answers[y[200:] == 1]) > 0

    assert names(loop) == ["leaked-validation"]


def test_rows_multiplied_after_the_split_are_silent() -> None:
    def loop() -> None:
        x, y = rare()
        x_train, y_train = oversampled(x[:320], y[:320])
        x_val, y_val = x[320:], y[320:]
        model = network()
        fit(model, x_train, y_train)
        score(model, x_val, y_val)

    assert names(loop) == []


@pytest.mark.parametrize("step", [0.1, 0.5])
def test_a_coarse_scale_with_common_rows_is_silent(step: float) -> None:
    """Measurements to one digit, most of them near the middle: rows repeat, and nothing is copied."""

    def loop() -> None:
        x = (torch.randn(600, 4).abs().exp() * step).round(decimals=1).clamp(max=4 * step)
        y = (x[:, 0] > x[:, 1]).long()
        x_train, y_train, x_val, y_val = x[:450], y[:450], x[450:], y[450:]
        model = network(4)
        fit(model, x_train, y_train)
        score(model, x_val, y_val)

    assert names(loop) == []


def test_measurements_made_two_or_three_times_are_silent() -> None:
    def loop() -> None:
        x = torch.randn(250, 6)
        x = x.repeat_interleave(torch.randint(1, 4, (250,)), 0)
        x = x[torch.randperm(len(x))]
        y = (x[:, 0] + 0.3 * torch.randn(len(x)) > 0).long()
        cut = int(0.8 * len(x))
        x_train, y_train, x_val, y_val = x[:cut], y[:cut], x[cut:], y[cut:]
        model = network()
        fit(model, x_train, y_train)
        score(model, x_val, y_val)

    assert "leaked-validation" not in names(loop)


def test_actions_picked_in_states_that_are_trained_on_are_silent() -> None:
    def loop() -> None:
        model, states = network(), torch.randn(60, 6)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(20):
            state = states[torch.randint(60, (24,))]
            with torch.no_grad():
                action = model(state).argmax(1)
            value = model(state).gather(1, action[:, None])
            optimizer.zero_grad()
            fn.mse_loss(value, state[:, :1]).backward()
            optimizer.step()

    assert "leaked-validation" not in names(loop)


def test_a_clean_split_is_silent() -> None:
    def loop() -> None:
        data, model = TensorDataset(*table()), network()
        train_data, test_data = random_split(data, [0.8, 0.2])
        fit_loader(model, DataLoader(train_data, batch_size=32, shuffle=True))  # pyright: ignore[reportArgumentType]
        evaluate(model, DataLoader(test_data, batch_size=32))  # pyright: ignore[reportArgumentType]

    assert not names(loop)


def test_one_data_set_and_two_samplers_is_silent() -> None:
    def loop() -> None:
        data, model, order = TensorDataset(*table()), network(), torch.randperm(400).tolist()
        train_loader = DataLoader(data, 20, sampler=SubsetRandomSampler(order[:300]))
        val_loader = DataLoader(data, 20, sampler=SubsetRandomSampler(order[300:]))
        fit_loader(model, train_loader)  # pyright: ignore[reportArgumentType]
        evaluate(model, val_loader)  # pyright: ignore[reportArgumentType]

    assert not names(loop)


def test_scores_of_both_parts_through_one_function_are_silent() -> None:
    def loop() -> None:
        (x, y), model = table(), network()
        x_train, x_test, y_train, y_test = x[:300], x[300:], y[:300], y[300:]
        for _ in range(4):
            fit(model, x_train, y_train, 1)
            score(model, x_train, y_train)
            score(model, x_test, y_test)

    assert not names(loop)


def test_scores_of_the_training_loader_are_silent() -> None:
    def loop() -> None:
        data, model = TensorDataset(*table()), network()
        loader, again = DataLoader(data, 20, shuffle=True), DataLoader(data, 50)
        fit_loader(model, loader)  # pyright: ignore[reportArgumentType]
        evaluate(model, loader)  # pyright: ignore[reportArgumentType]
        evaluate(model, again)  # pyright: ignore[reportArgumentType]

    assert not names(loop)


def test_training_data_under_a_name_that_says_both_is_silent() -> None:
    def loop() -> None:
        data, model = TensorDataset(*table()), network()
        fit_loader(model, DataLoader(data, 20, shuffle=True))  # pyright: ignore[reportArgumentType]
        train_eval_loader = DataLoader(data, 50)
        evaluate(model, train_eval_loader)  # pyright: ignore[reportArgumentType]

    assert not names(loop)


def test_an_answer_to_all_data_at_the_end_is_silent() -> None:
    def loop() -> None:
        (x, y), model = table(), network()
        fit(model, x[:300], y[:300])
        score(model, x, y)

    assert not names(loop)


def test_a_part_of_the_training_data_before_the_first_epoch_ends_is_silent() -> None:
    def loop() -> None:
        (x, y), model = table(2000), network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for step in range(30):
            chosen = torch.randint(2000, (20,))
            optimizer.zero_grad()
            fn.cross_entropy(model(x[chosen]), y[chosen]).backward()
            optimizer.step()
            if step % 10 == 9:
                score(model, x[:500], y[:500])
                model.train()

    assert not names(loop)


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_rows_that_are_alike_by_nature_are_silent(bits: int) -> None:
    def loop() -> None:
        x = torch.randint(2, (600, bits)).float()
        y, model = x.sum(1).long() % 2, network(bits)
        fit(model, x[:450], y[:450])
        x_test = x[450:]
        score(model, x_test, y[450:])

    assert not names(loop)


@pytest.mark.parametrize("fresh", [True, False], ids=["new model", "set back"])
def test_cross_validation_is_silent(fresh: bool) -> None:
    def loop() -> None:
        (x, y), model = table(), network()
        for fold in range(4):
            if fresh:
                model = network()
            else:
                for layer in model.children():
                    if isinstance(layer, nn.Linear):
                        layer.reset_parameters()
            held = torch.arange(400) % 4 == fold
            fit(model, x[~held], y[~held])
            x_val = x[held]
            score(model, x_val, y[held])

    assert not names(loop)


def test_rollouts_and_targets_without_gradients_are_silent() -> None:
    def loop() -> None:
        online = network()
        optimizer = torch.optim.Adam(online.parameters(), lr=0.01)
        memory = torch.randn(64, 6)
        for step in range(40):
            with torch.no_grad():
                online(memory[step : step + 1]).argmax(1)  # act
            now = torch.randint(63, (16,))
            with torch.no_grad():
                target = online(memory[now + 1]).max(1).values
            optimizer.zero_grad()
            fn.mse_loss(online(memory[now]).max(1).values, 0.9 * target).backward()
            optimizer.step()

    assert not names(loop)


def test_one_graph_with_masks_is_silent() -> None:
    def loop() -> None:
        (x, y), model = table(120), network()
        train_mask = torch.arange(120) < 80
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(20):
            model.train()
            optimizer.zero_grad()
            out = model(x)
            fn.cross_entropy(out[train_mask], y[train_mask]).backward()
            optimizer.step()
            model.eval()
            with torch.no_grad():
                out = model(x)
                fn.cross_entropy(out[~train_mask], y[~train_mask])

    assert not names(loop)


def mixing(share: float) -> Any:
    """A collate function that makes so many of the rows of a batch anew each time."""

    def collate(rows: list[Pair]) -> Pair:
        x, y = torch.stack([a for a, _ in rows]), torch.stack([b for _, b in rows])
        some = torch.rand(len(x), 1) < share
        return torch.where(some, x + 0.1 * torch.randn_like(x), x), y

    return collate


@pytest.mark.parametrize("share", [0.3, 0.7, 0.9])
@pytest.mark.parametrize("epochs", [2, 6])
def test_the_training_data_of_which_each_epoch_makes_rows_anew_is_silent(
    share: float, epochs: int
) -> None:
    def loop() -> None:
        torch.manual_seed(3)
        (x, y), model = table(), network()
        loader = DataLoader(TensorDataset(x, y), 20, shuffle=True, collate_fn=mixing(share))
        for _ in range(epochs):
            fit_loader(model, loader, epochs=1)  # pyright: ignore[reportArgumentType]
            score(model, x, y)

    assert not names(loop)


def test_overlapping_parts_without_a_name_are_found_once_all_rows_are_known() -> None:
    def loop() -> None:
        (x, y), model = table(), network()
        loader = DataLoader(TensorDataset(x[:320], y[:320]), 20, shuffle=True)
        for _ in range(3):
            fit_loader(model, loader, epochs=1)  # pyright: ignore[reportArgumentType]
            score(model, x[240:], y[240:])

    (finding,) = watch(loop).findings
    assert finding.rule == "leaked-validation"
    assert finding.evidence["shared_rows"] == 80

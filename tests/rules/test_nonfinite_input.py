"""nonfinite-input: the data brought it in, not the training."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan

import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch


def table(rows: int = 320, columns: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(rows, columns)
    return x, x[:, :1] - 0.5 * x[:, 1:2]


def train(
    x: torch.Tensor,
    y: torch.Tensor,
    loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    model: nn.Module | None = None,
) -> None:
    model = model or nn.Sequential(nn.Linear(x.shape[1], 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for xb, yb in DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True):
        optimizer.zero_grad()
        prediction = model(xb)
        loss = (loss_fn or fn.mse_loss)(prediction, yb)
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_one_bad_cell(value: float) -> None:
    x, y = table()
    x[77, 2] = value
    (finding,) = watch(lambda: train(x, y)).findings
    assert finding.rule == "nonfinite-input"
    assert finding.site is not None
    assert finding.site.function == "train"
    assert "isfinite(xb)" in finding.fix
    assert finding.count == 1


def test_one_bad_cell_long_after_the_first_iterations() -> None:
    x, y = table(3200)
    x[1700, 1] = nan  # in batch 107, which is not measured otherwise

    def loop() -> None:
        model = nn.Linear(4, 1)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for start in range(0, 3200, 16):
            xb, yb = x[start : start + 16], y[start : start + 16]
            optimizer.zero_grad()
            fn.mse_loss(model(xb), yb).backward()
            optimizer.step()

    (finding,) = watch(loop).findings
    assert finding.rule == "nonfinite-input"
    assert finding.iteration == 107


def test_a_bad_target() -> None:
    x, y = table()
    y[5] = nan
    (finding,) = watch(lambda: train(x, y)).findings
    assert finding.rule == "nonfinite-input"
    assert finding.evidence["tensor"] == "targets"


def test_a_bad_target_and_a_loss_by_hand() -> None:
    x, y = table()
    y[5] = inf
    assert names(lambda: train(x, y, lambda p, t: ((p - t) ** 2).mean())) == ["nonfinite-input"]


def test_a_constant_column_divided_by_its_deviation() -> None:
    x, y = table()
    x[:, 3] = 7
    assert names(lambda: train((x - x.mean(0)) / x.std(0), y)) == ["nonfinite-input"]


def test_bad_rows_in_the_validation_data_alone() -> None:
    x, y = table()
    held, answers = table(40)
    held[3, 1] = nan

    def loop() -> None:
        model = nn.Linear(4, 1)
        train(x, y, model=model)
        model.eval()
        with torch.no_grad():
            fn.mse_loss(model(held), answers)

    assert names(loop) == ["nonfinite-input"]


class Filling(nn.Module):
    """Knows what a missing value means."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(torch.cat([x.nan_to_num(), x.isnan().float()], dim=1))


def test_missing_values_that_the_model_fills_are_silent() -> None:
    x, y = table()
    x[torch.rand(320, 4) < 0.1] = nan
    assert not names(lambda: train(x, y, model=Filling()))


def test_missing_targets_that_the_loss_leaves_out_are_silent() -> None:
    x, y = table()
    y[::7] = nan
    assert not names(lambda: train(x, y, lambda p, t: ((p - t)[~t.isnan()] ** 2).mean()))


def test_a_bad_batch_that_is_skipped_is_silent() -> None:
    x, y = table()
    x[3] = nan
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def loop() -> None:
        for start in range(0, 320, 16):
            loss = fn.mse_loss(model(x[start : start + 16]), y[start : start + 16])
            if not torch.isfinite(loss):
                continue
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    assert not names(loop)


def test_a_mask_of_minus_infinity_is_silent() -> None:
    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return self.layer(x, src_mask=mask)

    model = Attending()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    mask = nn.Transformer.generate_square_subsequent_mask(5)

    def loop() -> None:
        for _ in range(12):
            x = torch.randn(4, 5, 8)
            optimizer.zero_grad()
            fn.mse_loss(model(x, mask), x.roll(1, 1)).backward()
            optimizer.step()

    assert not names(loop)


def test_a_mask_is_not_blamed_for_a_loss_that_takes_the_log_of_0() -> None:
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.01)
    mask = nn.Transformer.generate_square_subsequent_mask(5)

    def loop() -> None:
        for _ in range(6):
            x = torch.randn(4, 5, 8)
            answer, _ = layer(x, x, x, attn_mask=mask)
            optimizer.zero_grad()
            (answer * 0).log().mean().backward()
            optimizer.step()

    assert names(loop) == ["nonfinite-loss"]


def test_a_training_that_runs_away_by_itself_is_not_the_data() -> None:
    x, y = table()
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e9)

    def loop() -> None:
        state = torch.zeros(16, 4)
        for start in range(0, 320, 16):  # each answer is part of the next input
            prediction = model(x[start : start + 16] + state)
            state = prediction.detach().expand(16, 4)
            optimizer.zero_grad()
            fn.mse_loss(prediction, y[start : start + 16]).backward()
            optimizer.step()

    assert "nonfinite-input" not in names(loop)

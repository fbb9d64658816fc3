"""What a loss of several named terms may be called, and what is remembered of its answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from fivestep.fit import fit
from fivestep.terms import TAKEN, Terms


@pytest.mark.parametrize("name", sorted(TAKEN - {"loss"} | {"validation_loss", "validation_x"}))
def test_a_term_with_a_name_of_the_record_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"term '{name}'.*\n  do: call it by"):
        Terms(lambda prediction, _: {"loss": prediction, name: 1.0})(torch.tensor(1.0), None)


def test_the_names_of_a_record_are_those_that_fit_writes(tmp_path: Path) -> None:
    x, y = torch.randn(12, 3), torch.randn(12, 1)
    x[5] = float("inf")
    model = nn.Linear(3, 1)
    groups = [{"params": [model.weight], "lr": 0.1}, {"params": [model.bias], "lr": 0.01}]
    run = fit(
        model, nn.MSELoss(), torch.optim.SGD(groups), (x, y), epochs=2, batch_size=4,
        nonfinite="skip", log_every=1, record=tmp_path, progress=False, watch=False,
    )  # fmt: skip
    written = (json.loads(line) for line in run.path.read_text().splitlines())  # pyright: ignore
    names = {name for line in written if line["kind"] == "record" for name in line}
    assert names == TAKEN


def test_what_a_loss_answers_is_remembered() -> None:
    plain = Terms(lambda prediction, _: prediction)
    assert plain.names is None
    plain(torch.tensor(1.0), None)
    assert plain.names is None
    alone = Terms(lambda prediction, _: {"loss": prediction})
    alone(torch.tensor(1.0), None)
    assert alone.names == []
    several = Terms(lambda prediction, _: {"b": 2, "loss": prediction, "a": 1})
    several(torch.tensor(1.0), None)
    assert several.names == ["b", "a"]

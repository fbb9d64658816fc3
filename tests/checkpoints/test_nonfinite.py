"""Weights that are not finite are marked in the manifest, and told of when it goes on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from checkpoints.resumed import Made, trained
from checkpoints.test_resume import make
from fivestep.checkpoints.nonfinite import mark_nonfinite
from fivestep.checkpoints.snapshot import Snapshot

NAN, INF = math.nan, math.inf


def holding(parameter: float, buffer: float, **options: Any) -> Made:
    """Make a training of a model with a parameter and a buffer that no loss asks for."""
    model, *others, usual = make(epochs=1, **options)
    model.spare = nn.Parameter(torch.tensor([1.0, parameter]))
    model.register_buffer("mask", torch.tensor([0.0, buffer]))
    return model, *others, usual  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("more", [{}, {"average": 0.9}])
@pytest.mark.parametrize(
    ("parameter", "buffer", "bad"),
    [
        (NAN, 1.0, ["spare"]),
        (INF, 1.0, ["spare"]),
        (-INF, -INF, ["spare"]),
        (1.0, NAN, ["mask"]),
        (NAN, NAN, ["mask", "spare"]),
        (1.0, -INF, None),
        (1.0, INF, None),
        (1.0, 1.0, None),
    ],
)
def test_they_are_marked_and_told_of(
    parameter: float, buffer: float, bad: list[str] | None, more: dict[str, Any], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def made() -> Made:
        return holding(parameter, buffer, **more)

    trained(made, tmp_path)
    for path in tmp_path.glob("checkpoint-*"):
        named = json.loads(path.read_text()).get("nonfinite")
        assert (named and sorted(named)) == bad
    capsys.readouterr()
    trained(made, tmp_path, progress=True)
    shown = " ".join("".join(capsys.readouterr()).split())
    assert ("NaN or inf stands in the weights that were saved" in shown) == (bad is not None)
    assert all(name in shown for name in bad or ())


def test_in_a_model_that_is_wrapped_they_have_their_own_names(tmp_path: Path) -> None:
    def made() -> Made:
        model, *others = holding(NAN, -INF)
        return torch.compile(model, backend="eager"), *others  # pyright: ignore

    trained(made, tmp_path)
    for path in tmp_path.glob("checkpoint-*"):
        assert json.loads(path.read_text())["nonfinite"] == ["spare"]


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16])
@pytest.mark.parametrize("value", [NAN, 1.0])
def test_small_types_are_looked_at_too(dtype: torch.dtype, value: float, tmp_path: Path) -> None:
    def made() -> Made:
        model, *others = holding(1.0, 1.0)
        small = torch.tensor([0.0, value]).to(dtype)
        model.small = nn.Parameter(small, requires_grad=False)
        return model, *others  # pyright: ignore[reportReturnType]

    trained(made, tmp_path)
    for path in tmp_path.glob("checkpoint-*"):
        named = json.loads(path.read_text()).get("nonfinite")
        assert named == (["small"] if math.isnan(value) else None)


def test_a_type_that_torch_cannot_look_into_is_passed_over() -> None:
    strange = torch.empty(2, dtype=torch.float4_e2m1fn_x2)
    taken = Snapshot({}, {"small": {"objects/model/state/strange": strange}})
    assert mark_nonfinite(taken, buffers=()) == {}

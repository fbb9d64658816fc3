"""train-mode-evaluation: a scored forward in train mode, and what only looks like one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset
from watching import watch

NAME = "train-mode-evaluation"


def data(count: int = 64, features: int = 6, classes: int = 3) -> TensorDataset:
    y = torch.randint(classes, (count,))
    return TensorDataset(torch.randn(count, features) + y.unsqueeze(1), y)


def network(*, norm: bool = False, rate: float = 0.3, outputs: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16) if norm else nn.Identity(), nn.ReLU(), nn.Dropout(rate),
        nn.Linear(16, outputs),
    )  # fmt: skip


def fit(model: nn.Module, loader: Any, loss_fn: Any = F.cross_entropy) -> None:
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()


def found(loop: Callable[[], object]) -> list[Any]:
    return [one for one in watch(loop).findings if one.rule == NAME]


# -- sick ---------------------------------------------------------------------------------------


def epochs_with_batch_norm() -> None:
    model = network(norm=True, rate=0.0)
    train, test = DataLoader(data(), 16, shuffle=True), DataLoader(data(), 16)
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(2):
        for x, y in train:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        correct = 0
        with torch.no_grad():
            for x, y in test:
                _, predicted = torch.max(model(x), 1)
                correct += (predicted == y).sum().item()


class OldMnist(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(6, 20), nn.Linear(20, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.dropout(self.fc1(x).relu(), training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)


def functional_dropout() -> None:
    model = OldMnist()
    fit(model, DataLoader(data(), 16), F.nll_loss)
    with torch.no_grad():
        for x, y in DataLoader(data(), 32):
            output = model(x)
            F.nll_loss(output, y, reduction="sum").item()
            output.argmax(dim=1, keepdim=True).eq(y.view(-1, 1)).sum().item()


def neither_eval_nor_no_grad() -> None:
    model, loss_fn = network(norm=True, outputs=1), nn.MSELoss()
    x, y, x_val, y_val = (
        torch.randn(40, 6),
        torch.randn(40, 1),
        torch.randn(20, 6),
        torch.randn(20, 1),
    )
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    for _ in range(20):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        loss_fn(model(x_val), y_val).item()


def loaded_and_scored() -> None:
    model = network()
    model.load_state_dict(network().state_dict())
    with torch.inference_mode():
        for x, y in DataLoader(data(), 16):
            (model(x).argmax(1) == y).sum().item()


class Forecast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2, 8, num_layers=2, dropout=0.4, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


def dropout_inside_an_lstm() -> None:
    model = Forecast()
    x, y = torch.randn(24, 5, 2), torch.randn(24, 1)
    fit(model, [(x, y)] * 10, F.mse_loss)
    with torch.no_grad():
        F.l1_loss(model(torch.randn(24, 5, 2)), y).item()


def one_function_for_both(*, grad: bool) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def epoch(loader: Any, train: bool) -> None:
        with torch.set_grad_enabled(train or not grad):
            for x, y in loader:
                loss = F.cross_entropy(model(x), y)
                if train:
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()

    loaders = DataLoader(data(), 16), DataLoader(data(), 16)
    for _ in range(2):
        epoch(loaders[0], True)
        epoch(loaders[1], False)


class Language(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(12, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.2, batch_first=True)
        self.head = nn.Linear(16, 12)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(self.head(self.layer(self.embed(x))).flatten(0, 1), y.flatten())


def loss_inside_the_model() -> None:
    model = Language()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    text = torch.randint(12, (200,))
    for step in range(12):
        at = torch.randint(150, (8, 1)) + torch.arange(9)
        optimizer.zero_grad()
        model(text[at][:, :-1], text[at][:, 1:]).backward()
        optimizer.step()
        if step % 5 == 0:
            with torch.no_grad():
                held = text[150:198].view(6, 8)
                model(held[:, :-1], held[:, 1:]).item()


def regression(model: nn.Module, count: int = 8) -> None:
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(count):
        x = torch.randn(16, 6)
        optimizer.zero_grad()
        F.mse_loss(model(x), x[:, :1]).backward()
        optimizer.step()


def metric_by_hand() -> None:
    model, x_test = network(outputs=1), torch.randn(32, 6)
    regression(model)
    with torch.no_grad():
        prediction = model(x_test)
    assert ((prediction - x_test[:, :1]) ** 2).mean() > 0


def metric_of_another_library() -> None:
    model = network(outputs=1, norm=True)
    val_loader = DataLoader(TensorDataset(torch.randn(32, 6)), 16)
    regression(model)
    answers: list[Any] = []
    for (x,) in val_loader:
        answers.append(model(x).detach().numpy())
    assert len(answers) == 2


SICK = {
    "metric-by-hand": metric_by_hand,
    "metric-of-another-library": metric_of_another_library,
    "epochs-batch-norm": epochs_with_batch_norm,
    "functional-dropout": functional_dropout,
    "neither": neither_eval_nor_no_grad,
    "loaded": loaded_and_scored,
    "lstm": dropout_inside_an_lstm,
    "one-function": lambda: one_function_for_both(grad=True),
    "one-function-with-graph": lambda: one_function_for_both(grad=False),
    "language": loss_inside_the_model,
}


@pytest.mark.parametrize("loop", SICK.values(), ids=SICK)
def test_scored_in_train_mode_is_named_once(loop: Callable[[], None]) -> None:
    assert [one.rule for one in watch(loop).findings] == [NAME]


def test_message_names_the_layers_and_the_line() -> None:
    (finding,) = found(epochs_with_batch_norm)
    assert (
        "Sequential is evaluated in train mode: BatchNorm1d act as in training" in finding.message
    )
    assert "no_grad does not change the mode" in finding.cause
    assert finding.evidence == {"kinds": "BatchNorm1d", "grad_mode": "off", "evaluations": 8}
    assert finding.count == 8
    assert finding.site.function == "epochs_with_batch_norm"


# -- healthy ------------------------------------------------------------------------------------


def monte_carlo_dropout() -> None:
    model = network()
    fit(model, DataLoader(data(), 16))
    for x, y in DataLoader(data(), 16):
        with torch.no_grad():
            votes = torch.stack([model(x).softmax(1) for _ in range(10)])
        (votes.mean(0).argmax(1) == y).sum().item()


def monte_carlo_dropout_in_one_batch() -> None:
    model = network()
    fit(model, DataLoader(data(), 16))
    x, y = data(16).tensors
    with torch.no_grad():
        votes = model(x.repeat(20, 1)).view(20, 16, 3)
    (votes.mean(0).argmax(1) == y).sum().item()


def samples_of_a_generator() -> None:
    generator = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 6))
    critic = nn.Sequential(nn.Linear(6, 16), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(16, 1))
    ours, theirs = (torch.optim.Adam(one.parameters(), 1e-3) for one in (generator, critic))
    fixed = torch.randn(8, 4)
    for step in range(12):
        theirs.zero_grad()
        fake = generator(torch.randn(16, 4))
        real = F.binary_cross_entropy_with_logits(critic(torch.randn(16, 6)), torch.ones(16, 1))
        false = F.binary_cross_entropy_with_logits(critic(fake.detach()), torch.zeros(16, 1))
        (real + false).backward()
        theirs.step()
        ours.zero_grad()
        F.binary_cross_entropy_with_logits(critic(fake), torch.ones(16, 1)).backward()
        ours.step()
        if step % 4 == 0:
            with torch.no_grad():
                generator(fixed).mean().item()


def deep_q_learning() -> None:
    policy, target = network(norm=True), network(norm=True)
    target.load_state_dict(policy.state_dict())
    optimizer = torch.optim.AdamW(policy.parameters(), 1e-3)
    for _ in range(12):
        with torch.no_grad():
            actions = policy(torch.randn(32, 6)).max(1).indices
            value = target(torch.randn(32, 6)).max(1).values
        chosen = policy(torch.randn(32, 6)).gather(1, actions.unsqueeze(1))
        optimizer.zero_grad()
        F.smooth_l1_loss(chosen, value.unsqueeze(1)).backward()
        optimizer.step()


def pseudo_labels() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for (x, y), (u, _) in zip(DataLoader(data(), 16), DataLoader(data(), 16), strict=True):
        with torch.no_grad():
            sure, guess = model(u).softmax(1).max(1)
        loss = F.cross_entropy(model(x), y)
        loss = (
            loss + (F.cross_entropy(model(u + 0.1), guess, reduction="none") * (sure > 0.9)).mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def small_losses_first() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for x, y in DataLoader(data(), 16):
        with torch.no_grad():
            easy = F.cross_entropy(model(x), y, reduction="none").argsort()[:8]
        optimizer.zero_grad()
        F.cross_entropy(model(x[easy]), y[easy]).backward()
        optimizer.step()


def batch_norm_re_estimated() -> None:
    model = network(norm=True)
    loader = DataLoader(data(), 16)
    average = AveragedModel(model)
    for _ in range(3):
        fit(model, loader)
        average.update_parameters(model)
    update_bn(loader, average)
    average.eval()
    model.train()
    with torch.no_grad():
        for x, _ in loader:
            model(x)
    model.eval()
    with torch.no_grad():
        for x, y in DataLoader(data(), 16):
            (average(x).argmax(1) == y).sum().item()
            (model(x).argmax(1) == y).sum().item()


def nothing_that_has_a_mode() -> None:
    model = network(rate=0.0)
    fit(model, DataLoader(data(), 16))
    with torch.no_grad():
        for x, y in DataLoader(data(), 16):
            (model(x).argmax(1) == y).sum().item()


def statistics_of_the_batch_only() -> None:
    model = nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.Linear(8, 3)
    )
    fit(model, DataLoader(data(), 16))
    x, y = data().tensors
    with torch.no_grad():
        (model(x).argmax(1) == y).sum().item()


def scored_on_the_way() -> None:
    model = network(norm=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, y = data().tensors
    F.cross_entropy(model(x), y).item()  # is it near ln 3? before anything is trained
    for _ in range(10):
        output = model(x)
        loss = F.cross_entropy(output, y)
        (output.argmax(1) == y).float().mean().item()
        if loss.item() > 100:
            continue
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def attack() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x, y in DataLoader(data(), 16):
        near = x.clone().requires_grad_()
        for _ in range(3):
            (slope,) = torch.autograd.grad(F.cross_entropy(model(near), y), near)
            near = (near + 0.05 * slope.sign()).detach().requires_grad_()
        optimizer.zero_grad()
        F.cross_entropy(model(near.detach()), y).backward()
        optimizer.step()


def with_both_modes() -> None:
    model = network(norm=True)
    for _ in range(2):
        model.train()
        fit(model, DataLoader(data(), 16, shuffle=True))
        model.eval()
        with torch.no_grad():
            for x, y in DataLoader(data(), 16):
                F.cross_entropy(model(x), y).item()


def dropout_left_on_over_several_passes() -> None:
    model, test_data = network(outputs=1), TensorDataset(torch.randn(32, 6))
    regression(model)
    test_loader, passes = DataLoader(test_data, 16), list[torch.Tensor]()
    with torch.no_grad():
        for _ in range(5):
            passes.append(torch.cat([model(x) for (x,) in test_loader]))
    assert torch.stack(passes).std(0).mean() > 0


def statistics_of_the_new_domain() -> None:
    """BatchNorm takes the statistics of the test data on purpose; the answers come in eval mode."""
    model, x_test = network(norm=True, rate=0.0, outputs=1), torch.randn(32, 6) + 2
    regression(model)
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model(x_test)
    model.eval()
    with torch.no_grad():
        prediction = model(x_test)
    assert prediction.shape == (32, 1)


def pictures_from_the_noise_kept_for_the_test() -> None:
    painter, critic = network(norm=True, outputs=6), network(outputs=1)
    one = torch.optim.Adam(painter.parameters(), 1e-3)
    two = torch.optim.Adam(critic.parameters(), 1e-3)
    test_noise = torch.randn(16, 6)
    for _ in range(6):
        fake = painter(torch.randn(16, 6))
        two.zero_grad()
        (critic(fake.detach()).mean() - critic(torch.randn(16, 6)).mean()).backward()
        two.step()
        one.zero_grad()
        critic(fake).mean().neg().backward()
        one.step()
    with torch.no_grad():
        pictures = painter(test_noise)
    assert pictures.shape == (16, 6)


def evaluated_in_eval_mode() -> None:
    model, x_test = network(outputs=1), torch.randn(32, 6)
    for _ in range(2):
        model.train()
        regression(model)
        model.eval()
        with torch.no_grad():
            prediction = model(x_test)
        assert prediction.shape == (32, 1)


HEALTHY = [
    dropout_left_on_over_several_passes, statistics_of_the_new_domain,
    pictures_from_the_noise_kept_for_the_test, evaluated_in_eval_mode,
    monte_carlo_dropout, monte_carlo_dropout_in_one_batch, samples_of_a_generator, deep_q_learning,
    pseudo_labels, small_losses_first, batch_norm_re_estimated, nothing_that_has_a_mode,
    statistics_of_the_batch_only, scored_on_the_way, attack, with_both_modes,
]  # fmt: skip


@pytest.mark.parametrize("loop", HEALTHY)
def test_train_mode_on_purpose_is_left_alone(loop: Callable[[], None]) -> None:
    assert found(loop) == []

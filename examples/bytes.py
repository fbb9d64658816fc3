"""A small language model: it learns to continue Python code, byte by byte, from Python's own.

The same five steps as for a line. Before training every byte is as likely as any other, a loss of
ln 256 = 5.545. Watch it fall within a minute or two, and read what the model writes at the end.
"""

import sysconfig
from pathlib import Path

import torch
from torch import Tensor, nn

from fivestep import Run, evaluate, fit, split

CONTEXT, WIDTH = 64, 128


class Transformer(nn.Module):
    """Bytes (N, T) in; for each of them, scores for the byte that follows (N, 256, T) out."""

    def __init__(self) -> None:
        super().__init__()
        self.byte, self.position = nn.Embedding(256, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, 0.0, batch_first=True)
        self.layers, self.scores = nn.TransformerEncoder(layer, 2), nn.Linear(WIDTH, 256)

    def forward(self, text: Tensor) -> Tensor:
        """Let each position see itself and what is before it, and nothing after."""
        mask = nn.Transformer.generate_square_subsequent_mask(text.shape[1])
        hidden = self.byte(text) + self.position.weight[: text.shape[1]]
        return self.scores(self.layers(hidden, mask, is_causal=True)).transpose(1, 2)


def main(updates: int = 400) -> tuple[Run, float, str]:
    """Return the run, the loss before it, and what the model wrote after it."""
    torch.set_num_threads(1)  # more of them wait for each other where the machine is busy
    torch.manual_seed(0)
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    text = torch.tensor(list(b"".join(file.read_bytes() for file in files)))
    windows = text.unfold(0, CONTEXT + 1, CONTEXT)  # each byte is a target once
    windows = windows[torch.randperm(len(windows))[: updates * 32 + 256]]
    data, held_out = split((windows[:, :-1], windows[:, 1:]), validation=256)
    model, loss_fn = Transformer(), nn.CrossEntropyLoss()
    untrained = evaluate(model, loss_fn, held_out)["loss"]
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, loss {untrained:.3f}")
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    run = fit(
        model, loss_fn, optimizer, data, epochs=1, validate=held_out, validate_every=updates // 10
    )
    written = list(b"def ")
    with torch.no_grad():
        for _ in range(400):
            scores = model.eval()(torch.tensor([written[-CONTEXT:]]))[0, :, -1]
            written.append(int(torch.multinomial((scores / 0.7).softmax(dim=0), 1)))
    print(sample := "".join(chr(b) if 32 <= b < 127 or b == 10 else "?" for b in written))
    return run, untrained, sample


if __name__ == "__main__":
    main()

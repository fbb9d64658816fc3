"""A language model whose loss leaves out padded tokens, in a function that does not say so."""

import torch
from torch import Tensor, nn
from torch.nn import functional

PADDING = -1


def loss_fn(scores: Tensor, targets: Tensor) -> Tensor:
    """The mean over the tokens that are not padding; how many those are, only it knows."""
    return functional.cross_entropy(scores.transpose(1, 2), targets, ignore_index=PADDING)


torch.set_num_threads(1)
torch.manual_seed(0)
tokens = torch.randint(0, 50, (200, 17))
targets = tokens[:, 1:].clone()
targets[torch.arange(16) >= torch.randint(4, 17, (200, 1))] = PADDING  # texts of 4 to 16 tokens

model = nn.Sequential(nn.Embedding(50, 32), nn.LayerNorm(32), nn.GELU(), nn.Linear(32, 50))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
data = tokens[:, :-1], targets

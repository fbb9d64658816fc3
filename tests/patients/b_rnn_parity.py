"""Parity of a bit string by a recurrent network, in mixed precision with a clip."""
# fault: erased-gradient
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(43)


def bits(n, length=6):
    x = torch.randint(2, (n, length))
    return x, x.sum(1) % 2


class Parity(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(2, 8)
        self.rnn = nn.GRU(8, 32, batch_first=True)
        self.fc = nn.Linear(32, 2)

    def forward(self, x):
        return self.fc(self.rnn(self.embed(x))[1][0])


def optimise(loss, model, optimizer, clip):
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad.zero_()
    optimizer.step()


def main():
    model = Parity()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for step in range(100):
        x, y = bits(64)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = model(x)
        loss = F.cross_entropy(scores.float(), y)
        optimise(loss, model, optimizer, clip=1.0)
        if step % 20 == 0:
            print("step", step, "loss", loss.item(), "accuracy", (scores.argmax(1) == y).float().mean().item())


main()

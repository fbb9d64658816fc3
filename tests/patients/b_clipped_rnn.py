"""A plain recurrent network on the copy task, its gradient spikes clipped."""
# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(97)


def copy_task(n, symbols=4, delay=5):
    x = torch.randint(1, symbols + 1, (n,))
    sequence = torch.zeros(n, delay + 1, dtype=torch.long)
    sequence[:, 0] = x
    return nn.functional.one_hot(sequence, symbols + 1).float(), x - 1


class Copier(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(5, 32, batch_first=True)
        nn.init.orthogonal_(self.rnn.weight_hh_l0)
        self.out = nn.Linear(32, 4)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


model = Copier()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for step in range(120):
    x, y = copy_task(32)
    scores = model(x)
    loss = nn.functional.cross_entropy(scores, y)
    optimizer.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()
    if step % 20 == 0:
        print(f"step {step} loss {loss.item():.4f} norm {norm.item():.3f} right {(scores.argmax(1) == y).float().mean():.2f}")

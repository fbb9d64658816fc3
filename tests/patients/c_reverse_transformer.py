"""A transformer learns to reverse sequences, with the schedule of the 2017 paper."""

# fault: early-schedule
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(70)

VOCAB, LENGTH, D = 12, 6, 32


class Reverser(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, D)
        self.where = nn.Embedding(LENGTH, D)
        layer = nn.TransformerEncoderLayer(D, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(D, VOCAB)

    def forward(self, x):
        return self.head(self.body(self.embed(x) + self.where(torch.arange(LENGTH))))


class Learner:
    def __init__(self, warmup=40):
        self.model = Reverser()
        self.criterion = nn.CrossEntropyLoss()
        self.optim = torch.optim.Adam(self.model.parameters(), lr=1.0, betas=(0.9, 0.98))
        noam = lambda s: 0.2 * D**-0.5 * min((s + 1) ** -0.5, (s + 1) * warmup**-1.5)
        self.sched = torch.optim.lr_scheduler.LambdaLR(self.optim, noam)

    def update(self, loss):
        loss.backward()
        self.sched.step()
        self.optim.step()
        self.optim.zero_grad()

    def learn(self, steps):
        self.model.train()
        for step in range(steps):
            x = torch.randint(0, VOCAB, (32, LENGTH))
            logits = self.model(x)
            loss = self.criterion(logits.transpose(1, 2), x.flip(1))
            self.update(loss)
            if step % 30 == 0:
                right = (logits.argmax(-1) == x.flip(1)).float().mean().item()
                print(f"{step}: loss {loss.item():.3f} right {right:.2f}")


Learner().learn(150)

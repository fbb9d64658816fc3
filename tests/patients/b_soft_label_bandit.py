"""Imitate an expert's action probabilities with a KL loss."""
# fault: swapped-arguments
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(23)


class ExpertDecisions(Dataset):
    def __init__(self, n=384):
        self.states = torch.randn(n, 6)
        self.weights = torch.randn(6, 4)

    def __len__(self):
        return len(self.states)

    def __getitem__(self, i):
        return self.states[i], F.softmax(self.states[i] @ self.weights, dim=-1)


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU())
        self.actor = nn.Linear(32, 4)

    def forward(self, state):
        return F.log_softmax(self.actor(self.body(state)), dim=-1)


policy = Policy()
criterion = nn.KLDivLoss(reduction="batchmean")
optimizer = torch.optim.RMSprop(policy.parameters(), lr=1e-3)
loader = DataLoader(ExpertDecisions(), batch_size=32, shuffle=True, drop_last=True)

for epoch in range(6):
    agreement = []
    for state, expert in loader:
        log_pi = policy(state)
        loss = criterion(expert, log_pi)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        agreement.append((log_pi.argmax(1) == expert.argmax(1)).float().mean().item())
    print("epoch", epoch, "loss", round(loss.item(), 4), "agreement", sum(agreement) / len(agreement))

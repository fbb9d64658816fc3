"""Two losses share one trunk; the cosine of their gradients is logged before the sum is used."""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(104)

x = torch.randn(900, 10)
side = (x[:, 0] + x[:, 1] > 0).long()
amount = torch.tanh(x[:, 2] - x[:, 0])

trunk = nn.Sequential(nn.Linear(10, 32), nn.ReLU())
classify, regress = nn.Linear(32, 2), nn.Linear(32, 1)
parameters = [*trunk.parameters(), *classify.parameters(), *regress.parameters()]
optimizer = torch.optim.AdamW(parameters, lr=3e-3)

for epoch in range(5):
    for rows in torch.randperm(900).split(60):
        h = trunk(x[rows])
        first = nn.functional.cross_entropy(classify(h), side[rows])
        second = nn.functional.mse_loss(regress(h).squeeze(1), amount[rows])
        optimizer.zero_grad()
        first.backward(retain_graph=True)
        alone = trunk[0].weight.grad.clone()
        second.backward()
        other = trunk[0].weight.grad - alone
        optimizer.step()
    cosine = nn.functional.cosine_similarity(alone.flatten(), other.flatten(), dim=0)
    print(f"epoch {epoch} {first.item():.3f} {second.item():.3f} cosine {cosine.item():.2f}")

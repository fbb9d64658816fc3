"""An RNN that continues a periodic series, with the test error in each epoch."""
# fault: evaluation-graph

import numpy as np
import torch

torch.set_num_threads(1)
torch.manual_seed(25)
rng = np.random.default_rng(25)

t = np.arange(600)
series = np.sin(t / 3.5) + 0.5 * np.sin(t / 11) + rng.normal(0, 0.05, 600)
lag = 12
inputs = np.stack([series[i : i + lag] for i in range(600 - lag)])[:, :, None]
targets = series[lag:, None]
inputs, targets = torch.tensor(inputs).float(), torch.tensor(targets).float()
x_train, y_train = inputs[:450], targets[:450]
x_test, y_test = inputs[450:], targets[450:]


class RNN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.RNN(1, 32, batch_first=True)
        self.linear = torch.nn.Linear(32, 1)

    def forward(self, x):
        states, _ = self.rnn(x)
        return self.linear(states[:, -1])


rnn = RNN()
optimizer = torch.optim.Adam(rnn.parameters(), lr=5e-3)
mse = torch.nn.MSELoss()
train_losses, test_losses = [], []
for epoch in range(30):
    rnn.train()
    optimizer.zero_grad()
    loss = mse(rnn(x_train), y_train)
    loss.backward()
    optimizer.step()
    train_losses.append(loss.item())
    rnn.eval()
    test_losses.append(mse(rnn(x_test), y_test).item())
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: train {train_losses[-1]:.4f} test {test_losses[-1]:.4f}")

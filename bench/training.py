"""A whole training step: the network and batch of examples/digits.py, one thread."""

from __future__ import annotations

from .harness import Case

_SETUP = """
nn = torch.nn
torch.manual_seed(0)
images = torch.rand(64, 64)
labels = torch.randint(0, 10, (64,))
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
"""

_STEP = """
optimizer.zero_grad()
loss = criterion(model(images), labels)
loss.backward()
optimizer.step()
"""

CASES = [Case("digits training step, batch 64, 64-128-10, Adam", _SETUP, _STEP, 6)]

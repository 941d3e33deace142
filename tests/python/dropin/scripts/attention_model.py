"""A small transformer block written by hand: masks, einsum, layer norm, dropout, tied weights."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

torch.manual_seed(7)


class Attention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d)
        self.register_buffer("mask", torch.tril(torch.ones(16, 16)).view(1, 1, 16, 16))

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.qkv(x).split(C, dim=2)
        q, k, v = (t.view(B, T, self.heads, C // self.heads).transpose(1, 2) for t in (q, k, v))
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        y = F.softmax(att, dim=-1) @ v
        return self.out(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn = Attention(d, heads)
        self.mlp = nn.ModuleDict({"up": nn.Linear(d, 4 * d), "down": nn.Linear(4 * d, d)})
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.drop(self.mlp["down"](F.gelu(self.mlp["up"](self.ln2(x)))))


class Model(nn.Module):
    def __init__(self, vocabulary=11, d=16, layers=2, recompute=False):
        super().__init__()
        self.recompute = recompute
        self.tokens = nn.Embedding(vocabulary, d)
        self.places = nn.Parameter(torch.zeros(1, 16, d))
        self.blocks = nn.ModuleList(Block(d, 4) for _ in range(layers))
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, vocabulary, bias=False)
        self.head.weight = self.tokens.weight
        self.apply(self.init)

    def init(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)

    def forward(self, ids, targets=None):
        x = self.tokens(ids) + self.places[:, : ids.shape[1]]
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.recompute else block(x)
        logits = self.head(self.norm(x))
        if targets is None:
            return logits
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


model = Model()
print(sum(p.numel() for p in model.parameters()), [n for n, _ in model.named_parameters()][:4])
decay = [p for p in model.parameters() if p.dim() >= 2]
rest = [p for p in model.parameters() if p.dim() < 2]
optimizer = torch.optim.AdamW(
    [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}], lr=3e-3
)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
data = torch.arange(200) % 11
for step in range(12):
    start = torch.randint(0, 180, (4,))
    ids = torch.stack([data[i : i + 10] for i in start])
    targets = torch.stack([data[i + 1 : i + 11] for i in start])
    logits, loss = model(ids, targets)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 4 == 0:
        print(f"{step} {loss.item():.4f} {norm.item():.4f} {schedule.get_last_lr()[0]:.6f}")
model.eval()
with torch.no_grad():
    ids = torch.tensor([[3, 4, 5]])
    for _ in range(4):
        ids = torch.cat([ids, model(ids)[:, -1].argmax(-1, keepdim=True)], dim=1)
print(ids)
torch.manual_seed(1)
model.train()
_, plain = model(data[:10].view(1, 10), data[1:11].view(1, 10))
plain.backward()
first = [p.grad.clone() for p in model.parameters()]
model.zero_grad()
model.recompute = True
torch.manual_seed(1)
_, again = model(data[:10].view(1, 10), data[1:11].view(1, 10))
again.backward()
print(
    torch.equal(plain, again),
    all(torch.equal(a, p.grad) for a, p in zip(first, model.parameters())),
)

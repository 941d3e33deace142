"""Train a classifier on the 1797 handwritten digits of scikit-learn and draw its loss curve.

Runs unchanged under PyTorch and under whygrad:

    python examples/digits.py
    python -m whygrad run examples/digits.py
"""

import argparse
import time

import matplotlib
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

matplotlib.use("Agg")  # draws into files, without a display
import matplotlib.pyplot as plt


def load(batch_size, seed):
    """The digits as float images (N, 64) in [0, 1] and labels (N,), split 80 : 20.

    The split is always the same; `seed` decides the order of the batches. Which digits fall into
    the test set moves the accuracy by a percent or two.
    """
    digits = load_digits()
    images = torch.tensor(digits.data, dtype=torch.float32) / 16
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(1797))
    train, test = order[: len(order) * 4 // 5], order[len(order) * 4 // 5 :]
    batches = DataLoader(
        TensorDataset(images[train], labels[train]),
        batch_size=batch_size,
        shuffle=True,
        generator=torch.Generator().manual_seed(seed),
    )
    return batches, images[test], labels[test]


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        return (model(images).argmax(dim=1) == labels).float().mean().item()


def plot(losses, batches_per_epoch, path):
    """The loss of each batch and its mean over each epoch, against epochs."""
    epochs = len(losses) // batches_per_epoch
    means = torch.tensor(losses).reshape(epochs, batches_per_epoch).mean(dim=1).tolist()
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    steps = [step / batches_per_epoch for step in range(len(losses))]
    axes.plot(steps, losses, color="tab:blue", alpha=0.35, linewidth=0.8, label="batch")
    middles = [epoch + 0.5 for epoch in range(epochs)]
    axes.plot(middles, means, color="tab:blue", linewidth=2, label="mean of the epoch")
    axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel("cross-entropy loss")
    axes.set_title("Training on handwritten digits")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description="Train a classifier on handwritten digits.")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", default="digits_loss.png", help="where to write the loss curve")
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    batches, test_images, test_labels = load(batch_size=64, seed=arguments.seed)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    print(model)
    print(f"{sum(p.numel() for p in model.parameters())} parameters")

    losses = []
    start = time.perf_counter()
    progress = tqdm(range(arguments.epochs), unit="epoch")
    for _ in progress:
        model.train()
        for images, labels in batches:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        progress.set_postfix(loss=f"{losses[-1]:.4f}")
    seconds = time.perf_counter() - start

    print(f"test accuracy {accuracy(model, test_images, test_labels):.2%}")
    print(f"trained in {seconds:.2f} s ({len(losses)} steps)")
    plot(losses, len(batches), arguments.plot)
    print(f"loss curve in {arguments.plot}")


if __name__ == "__main__":
    main()

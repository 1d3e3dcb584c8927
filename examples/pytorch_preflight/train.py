"""Trains on a folder of images after a scan: damaged images are skipped, other errors stop it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import datascan

SKIPPED = {"corrupt-image", "not-an-image", "empty-record"}
"""Rules whose records are left out. All other errors stop the training."""


def preflight(root: Path, num_classes: int, batch_size: int) -> datascan.DatasetReport:
    """Scan the images.

    Raises:
        datascan.FindingsError: if there are errors that skipping images does not solve.
    """
    report = datascan.scan(root, num_classes=num_classes, batch_sizes=[batch_size])
    if not report.complete or {finding.rule for finding in report.failing} - SKIPPED:
        report.raise_for_findings()
    return report


def good_samples(
    samples: Sequence[tuple[str, int]], root: Path, report: datascan.DatasetReport
) -> list[int]:
    """The indices of the samples without errors, for ``torch.utils.data.Subset``.

    ``ImageFolder`` sorts by class and then by name, datascan by path.

    Raises:
        ValueError: if the two do not see the same files.
    """
    if len(samples) != report.dataset.records:
        raise ValueError(f"{len(samples)} samples, {report.dataset.records} records scanned")
    paths = [Path(path).relative_to(root).as_posix() for path, _ in samples]
    by_path = sorted(range(len(paths)), key=paths.__getitem__)
    bad = {by_path[index] for index in report.bad_indices().tolist()}
    return [index for index in range(len(paths)) if index not in bad]


def main() -> None:
    """Scan, then train for one epoch."""
    import torch
    from torchvision import datasets, models, transforms

    root, num_classes, batch_size = Path(sys.argv[1]), int(sys.argv[2]), 16
    report = preflight(root, num_classes, batch_size)
    pixels = transforms.Compose([transforms.Resize((64, 64)), transforms.ToTensor()])
    folder = datasets.ImageFolder(str(root), transform=pixels)
    keep = good_samples(folder.samples, root, report)
    print(f"training on {len(keep)} of {len(folder)} images")
    loader = torch.utils.data.DataLoader(
        torch.utils.data.Subset(folder, keep), batch_size=batch_size, shuffle=True
    )
    model = models.resnet18(num_classes=num_classes)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for images, labels in loader:
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"loss {loss.item():.4f}")


if __name__ == "__main__":
    main()

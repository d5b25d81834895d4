"""The sets that are downloaded once: Fashion-MNIST and CIFAR-10, read from the files that their makers publish."""

import gzip
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray

from activations.data.sets import Data, kept
from activations.download import Remote, fetch

Bytes = NDArray[np.uint8]

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


@kept
def fashion_mnist() -> Data:
    """Fashion-MNIST: 60 000 images of clothes to train, 10 000 to test, [1, 28, 28], ten classes.

    Downloaded once, 31 MB. Standardised with the mean and standard deviation of the training pixels.

    Raises:
        Unavailable: If it is not in the cache and cannot be downloaded.

    Source: xiao2017fashion (arXiv 1708.07747).
    """
    x, y, x_test, y_test = (_idx(fetch("Fashion-MNIST", part, _INSTEAD)) for part in _FASHION_MNIST)
    return _images("Fashion-MNIST", x[:, None], y, x_test[:, None], y_test)


@kept
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

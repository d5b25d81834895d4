"""How weights begin, named as in the literature.

A scheme is the variance of a weight, given how many units feed it (`fan_in`) and how many it feeds (`fan_out`),
the distribution that it is drawn from, and whether the biases are drawn too.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from activations.arguments import one_of, real, shown


@dataclass(frozen=True)
class Init:
    """A scheme of initial weights.

    Args:
        name: As in `torch.nn.init`, or the author's name where torch has none.
        variance: Var(w) as a function of fan_in and fan_out, for gain 1.
        distribution: "uniform" on ±√(3 Var) or "normal".
        gain: Factor on the standard deviation, at least 0.
        biases: True where biases are drawn from ±1/√fan_in, False where they begin at 0.
        source: Key in the bibliography.

    Raises:
        TypeError: If the gain is no number.
        ValueError: If the distribution is neither, or the gain negative, infinite or NaN.
    """

    name: str
    variance: Callable[[int, int], float]
    distribution: str
    source: str
    gain: float = 1.0
    biases: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn from."""
        if self.distribution not in ("uniform", "normal"):
            raise ValueError(f"distribution must be 'uniform' or 'normal', got {self.distribution!r}")
        gain = real(self.gain)
        if gain is None:
            raise TypeError(f"gain must be a number, got {type(self.gain).__name__}")
        if not (math.isfinite(gain) and gain >= 0):
            raise ValueError(f"gain must be finite and at least 0, got {shown(self.gain)}")
        object.__setattr__(self, "gain", gain)

    @property
    def label(self) -> str:
        """The name, with the gain where it is not 1, in six digits."""
        return self.labelled(6)

    def labelled(self, digits: int) -> str:
        """The name, with the gain where it is not 1, in so many digits."""
        return self.name if self.gain == 1 else f"{self.name}, gain {float(self.gain):.{digits}g}"

    def std(self, fan_in: int, fan_out: int) -> float:
        """Standard deviation of a weight, gain · √Var(w)."""
        return self.gain * math.sqrt(self.variance(fan_in, fan_out))

    def weights(self, shape: tuple[int, ...], fan_in: int, fan_out: int, generator: Generator) -> Tensor:
        """Draw one member's weights, float32 on the CPU.

        Every scheme maps the same draws, so that members with one seed differ by the scheme alone.
        """
        std = self.std(fan_in, fan_out)
        if self.distribution == "uniform":
            return (_uniform(shape, generator) * 2 - 1) * (math.sqrt(3) * std)
        return torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu") * std

    def bias(self, shape: tuple[int, ...], fan_in: int, generator: Generator) -> Tensor:
        """Draw one member's biases, or zeros; the generator moves on by the same amount either way."""
        draws = (_uniform(shape, generator) * 2 - 1) / math.sqrt(fan_in)
        return draws if self.biases else torch.zeros(shape, dtype=torch.float32, device="cpu")


def _uniform(shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float32, device="cpu")


def _lecun(fan_in: int, fan_out: int) -> float:
    return 1 / fan_in


def _xavier(fan_in: int, fan_out: int) -> float:
    return 2 / (fan_in + fan_out)


def _kaiming(fan_in: int, fan_out: int) -> float:
    return 2 / fan_in


def _torch_default(fan_in: int, fan_out: int) -> float:
    return 1 / (3 * fan_in)


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Init("torch_default", _torch_default, "uniform", "lecun1998efficient", biases=True),
        Init("lecun_uniform", _lecun, "uniform", "lecun1998efficient"),
        Init("lecun_normal", _lecun, "normal", "lecun1998efficient"),
        Init("xavier_uniform", _xavier, "uniform", "glorot2010understanding"),
        Init("xavier_normal", _xavier, "normal", "glorot2010understanding"),
        Init("kaiming_uniform", _kaiming, "uniform", "he2015delving"),
        Init("kaiming_normal", _kaiming, "normal", "he2015delving"),
    )
}
ALIASES = {
    "default": "torch_default",
    "lecun": "lecun_uniform",
    "xavier": "xavier_uniform",
    "glorot": "xavier_uniform",
    "glorot_uniform": "xavier_uniform",
    "glorot_normal": "xavier_normal",
    "he": "kaiming_normal",
    "he_uniform": "kaiming_uniform",
    "he_normal": "kaiming_normal",
    "kaiming": "kaiming_normal",
}


def get(init: "str | Init", gain: float | None = None) -> Init:
    """Look up a scheme by name or alias; an `Init` passes through.

    Args:
        init: A name such as "xavier_uniform", an alias such as "glorot", or an `Init`.
        gain: Factor on the standard deviation, finite and not negative; None keeps the scheme's own.

    Raises:
        TypeError: If `init` is neither a name nor an Init, or the gain no number.
        ValueError: If the name is unknown (near matches are named) or the gain negative, infinite or NaN.
    """
    if not isinstance(init, Init):
        if not isinstance(init, str):
            raise TypeError(f"init must be a name or an Init, got {type(init).__name__}")
        name = one_of("init", init, SCHEMES, ALIASES)
        init = SCHEMES[ALIASES.get(name, name)]
    return init if gain is None else replace(init, gain=gain)

"""What is bounded without an exponential of its own, softsign, arctan and erf, and the sine, which bends back."""

import math

import numpy as np
from scipy import special

from activations.functions.declaration import activation
from activations.functions.evaluation import Array, is_tensor, quick
from activations.functions.numerics import (
    clip,
    namespace,
    product,
    sign_of,
    size_of,
    square,
    tail_ratio,
    times_exp,
)

FAMILY = "sigmoids and kin"


def _softsign_slope(x: Array) -> Array:
    return (1 / (1 + size_of(x))) ** 2


def _softsign_second(x: Array) -> Array:
    return -2 * sign_of(x) * (1 / (1 + size_of(x))) ** 3


def _softsign_gap(x: Array) -> Array:
    return 1 / (1 + np.abs(x))


@activation(
    _softsign_slope,
    _softsign_second,
    title="Softsign",
    inventor="Bergstra, Desjardins, Lamblin and Bengio",
    year=2009,
    source="bergstra2009quadratic",
    operation="nn.functional.softsign",
    module="nn.Softsign",
    breaks=(0.0,),
    gap=_softsign_gap,
)
@quick(lambda x: x / (1 + np.abs(x)), -1e300, 1e300)
def softsign(x: Array) -> Array:
    r"""A sigmoid that takes its time: it nears its bounds like 1/x where tanh does so exponentially.

    .. math:: f(x) = \frac{x}{1 + |x|}

    Range (−1, 1). At 0, where its curvature jumps: value 0, slope 1, its largest.

    Origin:
        A search for units that saturate more gently than tanh, in image recognition (bergstra2009quadratic).

    Use:
        Deep Voice 3 bounds its speakers' embeddings with it (ping2017deep).

    Prone to:
        Saturation, though slowly: its slope falls like 1/x², and the wall of a number format lies much
        farther out for it than for tanh.
    """
    xp = namespace(x)
    size = size_of(x)
    beyond = size > 1
    inverse = 1 / xp.where(beyond, size, 1.0)
    return xp.where(beyond, sign_of(x) / (1 + inverse), x / (1 + xp.where(beyond, 1.0, size)))


def _arctan_parts(x: Array) -> tuple[Array, Array, Array]:
    """1/(1 + x²), written so that no square overflows, with x and 1 divided by max(|x|, 1)."""
    xp = namespace(x)
    size = size_of(x)
    beyond = size > 1
    inverse = 1 / xp.where(beyond, size, 1.0)
    unit = xp.where(beyond, sign_of(x), x)  # x · inverse, exactly
    return inverse * inverse / (inverse * inverse + unit * unit), unit, inverse


def _arctan_slope(x: Array) -> Array:
    return _arctan_parts(x)[0]


def _arctan_second(x: Array) -> Array:
    slope, unit, inverse = _arctan_parts(x)
    return -2 * unit * inverse / (inverse * inverse + unit * unit) * slope


# π/2 is no float64 number: what its rounding took belongs to the distance.
_HALF_PI_REST = 6.123233995736766e-17


def _arctan_gap(x: Array) -> Array:
    return np.arctan(1 / np.abs(x)) - _HALF_PI_REST


@activation(
    _arctan_slope,
    _arctan_second,
    title="Arctangent",
    inventor="",
    year=2024,
    source="kunc2024three",
    aliases=("atan",),
    operation="atan",
    gap=_arctan_gap,
)
@quick(np.arctan, -math.inf, math.inf)
def arctan(x: Array) -> Array:
    r"""The angle under which a slope is seen: between softsign and tanh in how fast it saturates.

    .. math:: f(x) = \arctan(x)

    Range (−π/2, π/2). At 0: value 0, slope 1, its largest.

    Origin:
        Several authors have tried it and we know of none who is credited; for the many relatives see a
        survey (kunc2024three).

    Use:
        Rare as a unit. Its slope lives on as a substitute for the step's in spiking networks.

    Prone to:
        Saturation, though its slope falls only like 1/x²; and its bounds are not ±1.
    """
    return namespace(x).atan(x)


def _erf_slope(x: Array) -> Array:
    xp = namespace(x)
    return _bell_of_erf(xp.ones_like(x), clip(x, -30.0, 30.0))


def _bell_of_erf(factor: Array, x: Array) -> Array:
    """The product factor · 2/√π · exp(−x²), for |x| ≤ 30."""
    high, rest = square(x)
    return times_exp(factor * (2 / math.sqrt(math.pi)) * namespace(x).exp(-rest), -high)


def _erf_second(x: Array) -> Array:
    x = clip(x, -30.0, 30.0)
    return _bell_of_erf(-2 * x, x)


def _erf_gap(x: Array) -> Array:
    size = np.minimum(np.abs(x), 27.0)
    high, rest = square(size)
    return 2 * tail_ratio(math.sqrt(2) * size) * np.exp(-high) * np.exp(-rest)


@activation(
    _erf_slope,
    _erf_second,
    title="Error function",
    inventor="Saad and Solla",
    year=1995,
    source="saad1995online",
    operation="erf",
    gap=_erf_gap,
)
@quick(special.erf, -math.inf, math.inf)
def erf(x: Array) -> Array:
    r"""The chance that Gaussian noise is smaller than x, stretched to lie around 0.

    .. math:: f(x) = \frac{2}{\sqrt{\pi}} \int_0^x e^{-t^2} \, dt

    Range (−1, 1). At 0: value 0, slope 2/√π, its largest.

    Origin:
        Theory: with it, averages over Gaussian inputs have closed forms, and the learning of a two-layer
        network can be followed on paper (saad1995online). So can infinitely wide ones (williams1997computing).

    Use:
        Theory still; and inside the exact GELU.

    Prone to:
        The fastest saturation of the smooth sigmoids here: its slope falls like exp(−x²).
    """
    if not is_tensor(x):
        return special.erf(x)
    import torch

    return torch.special.erf(x)


def _turned(x: Array, omega_0: float, name: str, other: str, sign: float) -> Array:
    """Sine or cosine of ω₀x as if the product had not been rounded, by the addition theorem."""
    xp = namespace(x)
    first, second = getattr(xp, name), getattr(xp, other)
    _, rest = product(omega_0, clip(x, -1e290, 1e290))
    p = omega_0 * x
    if isinstance(rest, float):  # the product is exact
        return first(p)
    return first(p) * xp.cos(rest) + sign * second(p) * xp.sin(rest)


def _sine_slope(x: Array, omega_0: float) -> Array:
    return omega_0 * _turned(x, omega_0, "cos", "sin", -1.0)


def _sine_second(x: Array, omega_0: float) -> Array:
    return -(omega_0 * omega_0) * _turned(x, omega_0, "sin", "cos", 1.0)


@activation(
    _sine_slope,
    _sine_second,
    title="Sine",
    inventor="Sitzmann, Martel, Bergman, Lindell and Wetzstein",
    year=2020,
    source="sitzmann2020implicit",
    aliases=("sin",),
    omega_0=(0.001, 1000.0, r"\omega_0", "The frequency ω₀"),
)
def sine(x: Array, omega_0: float = 1.0) -> Array:
    r"""Bends back again and again, so that one unit can draw a whole texture.

    .. math:: f(x) = \sin(\omega_0 x)

    Range [−1, 1]. At 0: value 0, slope ω₀, its largest. It has no limit at ±∞: there the value is NaN. SIREN
    sets ω₀ = 30 in its first layer and initialises the weights to match. The bound on errors holds while
    ω₀x is below 1e290 in size, or for any x if ω₀ is a power of two; beside the roots it is 2e-16 for other ω₀. Where ω₀x overflows the value is NaN.

    Origin:
        Networks that map coordinates to colours or distances smear out details, and their derivatives are
        worse; a sine fits both, since its slope is a sine again (sitzmann2020implicit).

    Use:
        Images, sounds, shapes and solutions of differential equations, stored as networks; pi-GAN (chan2020pigan).

    Prone to:
        Many shallow local minima (parascandolo2017taming): it depends strongly on its initialisation and on
        the frequencies of what is fitted.
    """
    return _turned(x, omega_0, "sin", "cos", 1.0)

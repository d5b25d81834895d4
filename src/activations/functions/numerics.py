"""What several formulas share: simple pieces, and products, exponentials and Gaussian tails that keep every digit.

A rounding error δ in the argument of an exponential is a relative error δ in its value, so arguments are carried
as a number and what its rounding left out.
"""

import math
from typing import Any

import array_api_compat
import numpy as np
from scipy import special

from activations.functions.evaluation import Array, is_tensor


def namespace(x: Array) -> Any:
    """The array library of x, with the array API's names."""
    return array_api_compat.array_namespace(x)


def size_of(x: Array) -> Array:
    """|x|. Where a formula of it is smooth, derivatives are right also at 0: there they are those of x > 0."""
    return namespace(x).where(x < 0, -x, x) if is_tensor(x) else np.abs(x)


def sign_of(x: Array) -> Array:
    """−1, 0 or 1."""
    return x.sign() if is_tensor(x) else np.sign(x)


def clip(x: Array, low: float = -math.inf, high: float = math.inf) -> Array:
    """The nearest number between two bounds; NaN stays NaN. At a bound the derivative is that of x."""
    if is_tensor(x):
        return x.clamp(low, high)
    if high == math.inf:
        return np.maximum(x, low)
    return np.clip(x, low, high) if low > -math.inf else np.minimum(x, high)


def erfc(x: Array) -> Array:
    """1 − erf(x), whose digits are not lost on the right."""
    return x.erfc() if is_tensor(x) else special.erfc(x)


def zero(x: Array, **parameters: float) -> Array:
    """The slope or curvature of what is flat or straight."""
    return namespace(x).zeros_like(x)


def between(x: Array, low: float, high: float) -> Array:
    """1 strictly between two numbers, else 0."""
    return namespace(x).astype((x > low) & (x < high), x.dtype)


def positive(x: Array) -> Array:
    """1 right of 0, else 0."""
    return namespace(x).astype(x > 0, x.dtype)


# exp(-BEYOND) is 0 even when a large factor is multiplied with its square root twice.
BEYOND = 1500.0


def times_exp(factor: Array, x: Array) -> Array:
    """The product factor · exp(x) for x ≤ 0, rounded once also where exp(x) alone would be subnormal."""
    xp = namespace(x)
    half = xp.exp(x / 2)
    return xp.where(x < -700, factor * half * half, factor * xp.exp(x))


def _split(x: Array) -> tuple[Array, Array]:
    """Veltkamp's splitting: two numbers of 26 bits that add up to x, for |x| < 1e300."""
    shifted = 134217729.0 * x
    high = shifted - (shifted - x)
    return high, x - high


def product(a: Array | float, x: Array) -> tuple[Array, Array]:
    """The product a · x and what its rounding left out (Dekker), for factors below 1e290."""
    p = a * x
    if isinstance(a, float) and math.frexp(a)[0] in (0.0, 0.5, -0.5):  # a power of two: nothing is lost
        return p, 0.0
    (a_high, a_low), (x_high, x_low) = _split(a), _split(x)
    return p, ((a_high * x_high - p) + a_high * x_low + a_low * x_high) + a_low * x_low


def exponent(a: float, x: Array) -> tuple[Array, Array]:
    """The argument a · x of an exponential, and what its rounding left out; cut off where |a · x| > BEYOND."""
    bound = min(BEYOND / max(abs(a), 1e-280), 1e290)
    return product(a, clip(x, -bound, bound))


def exp_of(p: Array, rest: Array | float) -> Array:
    """exp(p + rest) for a tiny rest, which is the float 0 where nothing was left out."""
    e = namespace(p).exp(p)
    return e if isinstance(rest, float) else e * (1 + rest)


def sum_of(a: Array, b: Array | float) -> tuple[Array, Array]:
    """The sum a + b and what its rounding left out (Knuth), where it is finite."""
    s = a + b
    part = s - a
    return s, (a - (s - part)) + (b - part)


def square(x: Array) -> tuple[Array, Array]:
    """Two numbers that add up to x², the first one exact in 52 bits."""
    high, low = _split(x)
    return high * high, low * (x + high)


def times_gaussian(factor: Array, x: Array) -> Array:
    """The product factor · exp(−x²/2) for |x| ≤ 40; the rounding of x² would cost x²/4 ULP."""
    high, rest = square(x)
    return times_exp(factor + factor * namespace(x).expm1(-rest / 2), -high / 2)


def times_gaussian_between(factor: Array, x: Array) -> Array:
    """The same for |x| < 37, where the exponential is no subnormal number."""
    xp = namespace(x)
    high, rest = square(x)
    return (factor + factor * xp.expm1(-rest / 2)) * xp.exp(-high / 2)


# R(s) = P(Z > s) exp(s²/2) falls from 1/2 like 1/s. Times 1 + s it lies between .39 and .54; the coefficients are those of
# that product's Chebyshev series in y = (s - 4)/(s + 4), computed with 60 digits, as a polynomial in y. All but the first
# add up to less than .13, so that their rounding hardly counts; the first is two numbers.
RATIO = (
    0.47205320650984467, -0.09670347732652607, 0.013999634724424333, 0.02860036405357749, -0.03219783742802203,
    0.01793609747886859, -0.005002378592511494, -0.00028562308680939413, 0.0006948971219073166, -9.443033944152223e-05,
    -8.785330394797745e-05, 2.1250446856208376e-05, 1.3627395285352675e-05, -3.433372216853275e-06, -2.6144101706596152e-06,
    4.0671730125154447e-07, 5.548340462207789e-07, -1.237153366992197e-09, -1.1446850712758079e-07, -1.7932121916642413e-08,
    2.0257667136861587e-08, 5.474708632048689e-09, -2.6180348731255444e-09, -6.763267210562454e-10, 1.7873545221852657e-10,
)  # fmt: skip
_RATIO_REST = 1.4386579161887366e-17


def _tail_parts(s: Array) -> tuple[Array, Array]:
    """What (1 + s) R(s) has beside its first coefficient, and 1 + s; the first makes up for the second's rounding."""
    y = (s - 4) / (s + 4)
    total = RATIO[-1] * y + RATIO[-2]
    for coefficient in RATIO[-3:0:-1]:
        total = total * y + coefficient
    under, rest = sum_of(s, 1.0)
    return total * y + (_RATIO_REST - RATIO[0] * rest / under), under


def tail_ratio(s: Array) -> Array:
    """P(Z > s) exp(s²/2), for a standard normal Z and 0 ≤ s ≤ 40: what is left of the tail without its decay."""
    beside, under = _tail_parts(s)
    return (beside + RATIO[0]) / under


# 1/√(2π), the density at 0, in two numbers.
_DENSITY, _DENSITY_REST = 0.3989422804014327, -2.49232720227773e-17


def tail_less_density(s: Array) -> Array:
    """(P(Z > s) − s φ(s)) exp(s²/2) for the density φ, and 0 ≤ s ≤ 40; the two parts cancel at .75."""
    beside, under = _tail_parts(s)
    w, w_rest = product(s, under)
    p, p_rest = product(_DENSITY, w)
    rest = p_rest + (_DENSITY * w_rest + _DENSITY_REST * w)
    return ((RATIO[0] - p) + (beside - rest)) / under

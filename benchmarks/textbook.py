"""Every activation in 50 digits, from its textbook definition, with mpmath: independent of the package's formulas.

`VALUE` and `SLOPE` hold those of one number, from an mpf to an mpf; `ROW` and `JACOBIAN` those of several, from a list to
a list. Where a definition cancels, it is written so that at least 30 digits remain.
"""

from collections.abc import Callable
from typing import Any

import mpmath
from mpmath import mpf

mpmath.mp.dps = 50
Number = Any  # mpmath has no types
Function = Callable[..., Number]

_SELU_SCALE = mpf("1.0507009873554804934193349852946")
_SELU_ALPHA = mpf("1.6732632423543772848170429916717")


def _logistic(x: Number) -> Number:
    return 1 / (1 + mpmath.exp(-x)) if x > 0 else mpmath.exp(x) / (1 + mpmath.exp(x))


def _softplus(x: Number, beta: Number = 1) -> Number:
    return (max(beta * x, 0) + mpmath.log1p(mpmath.exp(-abs(beta * x)))) / beta


def _tanhshrink(x: Number) -> Number:
    if abs(x) > 1e-8:
        return x - mpmath.tanh(x)
    return x**3 / 3 - 2 * x**5 / 15 + 17 * x**7 / 315 - 62 * x**9 / 2835


def _sech2(x: Number) -> Number:
    return 4 * _logistic(2 * x) * _logistic(-2 * x)


def _mass(x: Number) -> Number:
    """P(Z < x) for a standard normal Z."""
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2 if abs(x) < 1000 else mpf(x > 0)


def _density(x: Number) -> Number:
    return mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)


def _swish(x: Number, beta: Number = 1) -> Number:
    return x * _logistic(beta * x)


def _swish_slope(x: Number, beta: Number = 1) -> Number:
    return _logistic(beta * x) * (1 + beta * x * _logistic(-beta * x))


_GELU_ROOT, _GELU_CUBE = mpmath.sqrt(8 / mpmath.pi), mpf(0.044715)


def _gelu(x: Number, approximate: str = "none") -> Number:
    return x * (_mass(x) if approximate == "none" else _logistic(_GELU_ROOT * (x + _GELU_CUBE * x**3)))


def _gelu_slope(x: Number, approximate: str = "none") -> Number:
    if approximate == "none":
        return _mass(x) + x * _density(x)
    u, slope = _GELU_ROOT * (x + _GELU_CUBE * x**3), _GELU_ROOT * (1 + 3 * _GELU_CUBE * x**2)
    return _logistic(u) * (1 + x * _logistic(-u) * slope)


def _between(low: Number, x: Number, high: Number) -> Number:
    return mpf(low < x < high)


def _clip(low: Number, x: Number, high: Number) -> Number:
    return min(max(x, low), high)


def _leaky(x: Number, slope: Number) -> Number:
    return x if x > 0 else slope * x


def _leaky_slope(x: Number, slope: Number) -> Number:
    return mpf(1) if x > 0 else slope


def _elu(x: Number, alpha: Number) -> Number:
    return x if x > 0 else alpha * mpmath.expm1(x)


def _elu_slope(x: Number, alpha: Number) -> Number:
    return mpf(1) if x > 0 else alpha * mpmath.exp(x)


def _mish(x: Number) -> Number:
    return x * mpmath.tanh(_softplus(x))


def _mish_slope(x: Number) -> Number:
    return mpmath.tanh(_softplus(x)) + x * _sech2(_softplus(x)) * _logistic(x)


def _hardswish_slope(x: Number) -> Number:
    return mpf(x >= 3) if not -3 < x < 3 else (2 * x + 3) / 6


VALUE: dict[str, Function] = {
    "identity": lambda x: x,
    "step": lambda x: mpf(x >= 0),
    "sigmoid": _logistic,
    "logsigmoid": lambda x: -_softplus(-x),
    "hardsigmoid": lambda x: _clip(0, (x + 3) / 6, 1),
    "tanh": mpmath.tanh,
    "hardtanh": lambda x, min_val, max_val: _clip(min_val, x, max_val),
    "tanhshrink": _tanhshrink,
    "softsign": lambda x: x / (1 + abs(x)),
    "arctan": mpmath.atan,
    "erf": lambda x: mpmath.erf(x) if abs(x) < 100 else mpmath.sign(x),
    "sine": lambda x, omega_0: mpmath.sin(omega_0 * x),
    "relu": lambda x: max(x, 0),
    "relu6": lambda x: _clip(0, x, 6),
    "squared_relu": lambda x: max(x, 0) ** 2,
    "leaky_relu": lambda x, negative_slope: _leaky(x, negative_slope),
    "prelu": lambda x, weight: _leaky(x, weight),
    "rrelu": lambda x, lower, upper: _leaky(x, (lower + upper) / 2),
    "threshold": lambda x, threshold, value: x if x > threshold else value,
    "softplus": _softplus,
    "softshrink": lambda x, lambd: max(x - lambd, 0) + min(x + lambd, 0),
    "hardshrink": lambda x, lambd: x if abs(x) > lambd else mpf(0),
    "elu": _elu,
    "celu": lambda x, alpha: x if x > 0 else alpha * mpmath.expm1(x / alpha),
    "selu": lambda x: _SELU_SCALE * _elu(x, _SELU_ALPHA),
    "gelu": _gelu,
    "quick_gelu": lambda x: _swish(x, mpf(1.702)),
    "silu": _swish,
    "swish": _swish,
    "hardswish": lambda x: x * _clip(0, x + 3, 6) / 6,
    "mish": _mish,
}

# At a kink: the side that torch's autograd takes.
SLOPE: dict[str, Function] = {
    "identity": lambda x: mpf(1),
    "step": lambda x: mpf(0),
    "sigmoid": lambda x: _logistic(x) * _logistic(-x),
    "logsigmoid": lambda x: _logistic(-x),
    "hardsigmoid": lambda x: _between(-3, x, 3) / 6,
    "tanh": _sech2,
    "hardtanh": lambda x, min_val, max_val: _between(min_val, x, max_val),
    "tanhshrink": lambda x: mpmath.tanh(x) ** 2,
    "softsign": lambda x: 1 / (1 + abs(x)) ** 2,
    "arctan": lambda x: 1 / (1 + x * x),
    "erf": lambda x: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x),
    "sine": lambda x, omega_0: omega_0 * mpmath.cos(omega_0 * x),
    "relu": lambda x: mpf(x > 0),
    "relu6": lambda x: _between(0, x, 6),
    "squared_relu": lambda x: 2 * max(x, 0),
    "leaky_relu": lambda x, negative_slope: _leaky_slope(x, negative_slope),
    "prelu": lambda x, weight: _leaky_slope(x, weight),
    "rrelu": lambda x, lower, upper: _leaky_slope(x, (lower + upper) / 2),
    "threshold": lambda x, threshold, value: mpf(x > threshold),
    "softplus": lambda x, beta: _logistic(beta * x),
    "softshrink": lambda x, lambd: mpf(abs(x) > lambd),
    "hardshrink": lambda x, lambd: mpf(abs(x) > lambd),
    "elu": _elu_slope,
    "celu": lambda x, alpha: _elu_slope(x / alpha, mpf(1)),
    "selu": lambda x: _SELU_SCALE * _elu_slope(x, _SELU_ALPHA),
    "gelu": _gelu_slope,
    "quick_gelu": lambda x: _swish_slope(x, mpf(1.702)),
    "silu": _swish_slope,
    "swish": _swish_slope,
    "hardswish": _hardswish_slope,
    "mish": _mish_slope,
}


def _softmax(row: list[Number]) -> list[Number]:
    powers = [mpmath.exp(x - max(row)) for x in row]
    return [power / sum(powers) for power in powers]


def _log_softmax(row: list[Number]) -> list[Number]:
    """The largest is split off, since 1 + e⁻ᵗ would not hold a small e⁻ᵗ."""
    first = row.index(max(row))
    others = sum(mpmath.exp(x - row[first]) for i, x in enumerate(row) if i != first)
    return [x - row[first] - mpmath.log1p(others) for x in row]


def _softmax_jacobian(row: list[Number]) -> list[list[Number]]:
    y = _softmax(row)
    rests = [sum(y[:i] + y[i + 1 :]) for i in range(len(y))]  # 1 - y, without the subtraction
    return [[y[i] * rests[i] if i == j else -y[i] * y[j] for j in range(len(y))] for i in range(len(y))]


def _log_softmax_jacobian(row: list[Number]) -> list[list[Number]]:
    y = _softmax(row)
    rests = [sum(y[:i] + y[i + 1 :]) for i in range(len(y))]
    return [[rests[i] if i == j else -y[j] for j in range(len(y))] for i in range(len(y))]


def _gated(gate: str) -> tuple[Function, Function]:
    """The value a · g(b) of a pair (a, b), and its Jacobian."""
    value, slope = VALUE[gate], SLOPE[gate]
    return (lambda row: [row[0] * value(row[1])]), (lambda row: [[value(row[1]), row[0] * slope(row[1])]])


_GATED = {
    "glu": _gated("sigmoid"),
    "geglu": _gated("gelu"),
    "swiglu": _gated("silu"),
    "reglu": _gated("relu"),
}

ROW: dict[str, Function] = {
    "maxout": lambda row, pieces: [max(row)],
    **{name: value for name, (value, _) in _GATED.items()},
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "softmin": lambda row: _softmax([-x for x in row]),
}
JACOBIAN: dict[str, Function] = {
    "maxout": lambda row, pieces: [[mpf(row.index(max(row)) == i) for i in range(len(row))]],
    **{name: jacobian for name, (_, jacobian) in _GATED.items()},
    "softmax": _softmax_jacobian,
    "log_softmax": _log_softmax_jacobian,
    "softmin": lambda row: [[-x for x in line] for line in _softmax_jacobian([-x for x in row])],
}

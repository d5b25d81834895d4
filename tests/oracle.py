"""What is exact: the textbook's values and slopes in 50 digits, with curvatures, rows of any length and units of precision."""

import sys
from pathlib import Path

import mpmath
from mpmath import mpf

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

from accuracy import spacing, ulps  # noqa: F401  (the tests take them from here)
from textbook import JACOBIAN, ROW, SLOPE, VALUE

logistic = VALUE["sigmoid"]
bell = SLOPE["sigmoid"]
QUICK = mpf(1.702)
GELU_ROOT, CUBE = mpmath.sqrt(8 / mpmath.pi), mpf(0.044715)


def zero(x, **parameters):
    return mpf(0)


def mish_curvature(x):
    e = mpmath.exp(-abs(x))
    d = 1 + 2 * e + 2 * e * e if x > 0 else 2 + 2 * e + e * e
    slope, share = 4 * (1 + e) * (e * e if x > 0 else e) / d**2, 4 * (1 + e) * (1 if x > 0 else e) / d
    return slope * (2 + x * (1 + logistic(x) - share))


def gelu_curvature(x, approximate):
    if approximate == "none":
        return mpmath.npdf(x) * (2 - x * x)
    u, slope = GELU_ROOT * (x + CUBE * x**3), GELU_ROOT * (1 + 3 * CUBE * x**2)
    return bell(u) * (2 * slope + 6 * CUBE * GELU_ROOT * x * x - x * slope**2 * mpmath.tanh(u / 2))


def swish_curvature(x, beta=1):
    return beta * bell(beta * x) * (2 - beta * x * mpmath.tanh(beta * x / 2))


def left(x, value):
    return value if x < 0 else mpf(0)


CURVATURE = dict.fromkeys(VALUE, zero) | {
    "sigmoid": lambda x: -bell(x) * mpmath.tanh(x / 2),
    "logsigmoid": lambda x: -bell(x),
    "tanh": lambda x: -2 * mpmath.tanh(x) * mpmath.sech(x) ** 2,
    "tanhshrink": lambda x: 2 * mpmath.tanh(x) * mpmath.sech(x) ** 2,
    "softsign": lambda x: -2 * mpmath.sign(x) / (1 + abs(x)) ** 3,
    "arctan": lambda x: -2 * x / (1 + x * x) ** 2,
    "erf": lambda x: -4 * x / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x),
    "sine": lambda x, omega_0: -(omega_0**2) * mpmath.sin(omega_0 * x),
    "squared_relu": lambda x: 2 * mpf(x > 0),
    "softplus": lambda x, beta: beta * bell(beta * x),
    "elu": lambda x, alpha: left(x, alpha * mpmath.exp(x)),
    "celu": lambda x, alpha: left(x, mpmath.exp(x / alpha) / alpha),
    "selu": lambda x: left(x, SLOPE["selu"](min(x, 0))),
    "gelu": gelu_curvature,
    "quick_gelu": lambda x: swish_curvature(x, QUICK),
    "silu": swish_curvature,
    "swish": swish_curvature,
    "hardswish": lambda x: mpf(-3 < x < 3) / 3,
    "mish": mish_curvature,
}
ORACLE = {name: (VALUE[name], SLOPE[name], CURVATURE[name]) for name in VALUE}


def gated(gate):
    """The gated unit of a row of any even length, and its Jacobian."""
    value, slope = VALUE[gate], SLOPE[gate]

    def f(x):
        n = len(x) // 2
        return [a * value(b) for a, b in zip(x[:n], x[n:], strict=True)]

    def jacobian(x):
        n = len(x) // 2
        rows = [[mpf(0)] * (2 * n) for _ in range(n)]
        for i, (a, b) in enumerate(zip(x[:n], x[n:], strict=True)):
            rows[i][i], rows[i][n + i] = value(b), a * slope(b)
        return rows

    return f, jacobian


def pairs(x):
    return [max(x[i : i + 2]) for i in range(0, len(x), 2)]


def pairs_jacobian(x):
    rows = [[mpf(0)] * len(x) for _ in range(len(x) // 2)]
    for i in range(len(x) // 2):
        rows[i][2 * i + (x[2 * i + 1] > x[2 * i])] = mpf(1)
    return rows


VECTOR_ORACLE = {
    "maxout": (pairs, pairs_jacobian),
    **{
        name: gated(gate)
        for name, gate in (("glu", "sigmoid"), ("geglu", "gelu"), ("swiglu", "silu"), ("reglu", "relu"))
    },
    **{name: (ROW[name], JACOBIAN[name]) for name in ("softmax", "log_softmax", "softmin")},
}


def rounded(exact, form):
    """The number of the format nearest to an exact value."""
    if not exact:
        return 0.0
    quantum = spacing(exact, form)
    return float(mpmath.nint(exact / quantum) * quantum)

"""Every activation: its value, its slope, its curvature, and where each comes from.

Each activation is a few formulas, written for any array library that follows the array API: the value, below its
derivatives. `@activation` makes a public function of the value and enters it in the registry as an `Activation`
(`@vector_activation`, for functions of several numbers, as a `VectorActivation`). By being registered
it is listed, tested and described in the book; CONTRIBUTING.md says what the tests and benchmarks want besides.

What holds for all of them:

- **In kind.** A Python number gives a float; a NumPy array or torch tensor of float16, bfloat16, float32 or
  float64 gives one of the same dtype, shape, layout and device. Anything else is a TypeError: convert arrays of
  integers and lists first.
- **Exact.** Everything is evaluated in float64 and rounded once, so that float32 and narrower answers are
  within 1 unit in the last place (ULP), tails and subnormal numbers included, and float64 ones within 4
  unless the docstring says otherwise. That costs time: networks train with `nn.apply`. Apple's MPS
  devices have no float64; there float32 is all there is. (torch converts float64 to the 16-bit formats by
  way of float32, which rounds one float16 in 16 000 to the number on the other side of a near tie.)
- **NaN gives NaN**, ±inf gives the limit where there is one, and no input raises a NumPy warning.
- **Slopes are closed forms** that keep their relative precision in both tails, where y(1 − y) and 1 − y²
  lose it. Within .25 of a slope's own root, cancellation takes the relative precision; there the
  absolute error is below 2e-16. Autograd through the exact functions uses these slopes, and the closed-form
  curvatures for second derivatives, so they agree everywhere. At a kink they take the side that torch's autograd
  takes; each docstring says which.

The parts: `formats` (number formats), `evaluation` (in kind), `numerics` (what keeps the digits), `extremes` and `reach`
(facts that are searched for), `parameters`, `card`, `registry`, `scalar` and `vector` (what an activation is), `lookup`,
`declaration` (the decorators), the formulas themselves in `sigmoidal`, `bounded`, `rectified`, `softened`, `gelus`, `gated`, `vectors`
and `softmaxes`. What torch makes of them is a room of its own, `activations.nn`.
"""

from activations.functions.card import Card
from activations.functions.declaration import activation, vector_activation
from activations.functions.formats import FORMATS, Format, round_to
from activations.functions.lookup import get, get_elementwise, names, vector_names
from activations.functions.parameters import Parameter
from activations.functions.registry import REGISTRY
from activations.functions.scalar import Activation, labels
from activations.functions.vector import VectorActivation

# The registry's order is that of these imports.
# isort: off
from activations.functions.sigmoidal import (
    identity,
    step,
    sigmoid,
    logsigmoid,
    hardsigmoid,
    tanh,
    hardtanh,
    tanhshrink,
)
from activations.functions.bounded import (
    softsign,
    arctan,
    erf,
    sine,
)
from activations.functions.rectified import (
    relu,
    relu6,
    squared_relu,
    leaky_relu,
    prelu,
    rrelu,
    threshold,
)
from activations.functions.softened import (
    softplus,
    softshrink,
    hardshrink,
    elu,
    celu,
    selu,
)
from activations.functions.gelus import gelu
from activations.functions.gated import (
    quick_gelu,
    silu,
    swish,
    hardswish,
    mish,
)
from activations.functions.vectors import (
    maxout,
    glu,
    geglu,
    swiglu,
    reglu,
)
from activations.functions.softmaxes import (
    softmax,
    log_softmax,
    softmin,
)

# isort: on

__all__ = [
    "FORMATS",
    "REGISTRY",
    "Activation",
    "Card",
    "Format",
    "Parameter",
    "VectorActivation",
    "activation",
    "arctan",
    "celu",
    "elu",
    "erf",
    "geglu",
    "gelu",
    "get",
    "get_elementwise",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "identity",
    "labels",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "maxout",
    "mish",
    "names",
    "prelu",
    "quick_gelu",
    "reglu",
    "relu",
    "relu6",
    "round_to",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "sine",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "squared_relu",
    "step",
    "swiglu",
    "swish",
    "tanh",
    "tanhshrink",
    "threshold",
    "vector_activation",
    "vector_names",
]

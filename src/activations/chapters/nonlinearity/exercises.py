"""Checks of the chapter on nonlinearity. The right answers are computed, never stored."""

import copy
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from activations.ambient import independent
from activations.chapters.bend import Bend
from activations.chapters.feedback import Case, Feedback, choose, diagnosis, finite, near
from activations.data import spirals, xor

UNITS, LAYERS = 32, 2
FAR_OUT = 100.0  # a line so much longer than the data reach
GETS_BY = 65  # per cent: more than any line gets of the spirals
LINES = 8
ILLNESSES = ("no bends", "hinges elsewhere", "a step")


def _step(z: Tensor) -> Tensor:
    return (z > 0).to(z.dtype)


def _nothing(z: Tensor) -> Tensor:
    return z


def patients() -> dict[str, nn.Sequential]:
    """Three networks of two layers for the spirals, float64, each sick in its own way; the same at every call."""
    draw = torch.Generator().manual_seed(11)
    return {
        name: _network(draw, phi, offset)
        for name, phi, offset in (("A", torch.relu, 20.0), ("B", _nothing, 0.0), ("C", _step, 0.0))
    }


def _network(draw: torch.Generator, phi: Callable[[Tensor], Tensor], offset: float) -> nn.Sequential:
    """He's weights, biases about `offset`, and this for a bend."""
    parts: list[nn.Module] = []
    for fan_in, fan_out in pairwise([2, *[UNITS] * LAYERS, 2]):
        linear = nn.Linear(fan_in, fan_out, dtype=torch.float64)
        with torch.no_grad():
            weights = torch.randn(fan_out, fan_in, generator=draw, dtype=torch.float64)
            linear.weight.copy_(weights * (2 / fan_in) ** 0.5)
            if offset and fan_in > 2:
                # What comes from below is large and positive; with a negative weight it would switch units off.
                linear.weight.abs_()
            linear.bias.copy_(torch.rand(fan_out, generator=draw, dtype=torch.float64) + offset)
        parts += [linear, Bend(phi)]
    return nn.Sequential(*parts[:-1])


def _signs(network: nn.Module) -> dict[str, float]:
    """What tells the three apart: the largest entry of the local matrices near the data, and the pieces far out."""
    across = torch.tensor([[-1.0, -0.7], [1.0, 0.7]], dtype=torch.float64)
    return {
        "slope": _matrices(network, across, 101).abs().max().item(),
        "far": _pieces(network, FAR_OUT * across),
    }


def _matrices(network: nn.Module, ends: Tensor, points: int = 2001) -> Tensor:
    """The local matrices along a line."""
    line = torch.lerp(ends[0], ends[1], torch.linspace(0, 1, points, dtype=ends.dtype)[:, None])
    return torch.func.vmap(torch.func.jacrev(network))(line).detach()


def _pieces(network: nn.Module, ends: Tensor) -> int:
    """How often the local matrix changes between two points, and one more."""
    found = _matrices(network, ends)
    return 1 + int((~torch.isclose(found[1:], found[:-1])).flatten(1).any(1).sum())


def _illness(signs: Mapping[str, float]) -> str:
    if signs["slope"] == 0:
        return "a step"
    return "hinges elsewhere" if signs["far"] > 1 else "no bends"


def _case_by_case() -> Iterator[Case]:
    for name, network in patients().items():
        signs = _signs(network)
        yield (
            name,
            _illness(signs),
            {
                "no bends": f"without bends there is one matrix, not 0, however far you go. Its largest entry is {signs['slope']:.2g}, and a line a hundred times as long has {signs['far']:.0f} pieces.",
                "hinges elsewhere": f"hinges that lie elsewhere are met by who goes far enough: a line a hundred times as long has {signs['far']:.0f} pieces.",
                "a step": f"a step has a slope of 0 wherever it has one, so the local matrix would be 0: its largest entry is {signs['slope']:.2g}.",
            },
        )


def diagnose(answers: Mapping[str, str]) -> Feedback:
    """Exercise 1: which of the three has no bends, its hinges elsewhere, a step.

    Raises:
        TypeError: If the answers are no mapping.
        ValueError: If they do not give one of the three illnesses to each of A, B and C.
    """
    return diagnosis(
        answers,
        ILLNESSES,
        _case_by_case(),
        "a matrix of zeros, one that changes only far out, and one that never changes.",
    )


def mend(network: nn.Module) -> Feedback:
    """Exercise 2: whether a patient with other weights and biases learns the spirals in 600 steps of Adam; a copy is trained.

    Raises:
        TypeError: If it is no `torch.nn.Sequential` of linear layers and bends as the patients are.
    """
    kinds = [type(part) for part in network] if isinstance(network, nn.Sequential) else []
    if kinds != [nn.Linear, Bend] * LAYERS + [nn.Linear]:
        raise TypeError(
            f"network must be a patient, {LAYERS} times linear and bend and a linear layer, got {type(network).__name__}"
        )
    data, copied = spirals(), copy.deepcopy(network).requires_grad_()
    x, x_test = data.x.double(), data.x_test.double()
    optimiser = torch.optim.Adam(copied.parameters(), lr=0.01)
    with independent():
        for _ in range(600):
            optimiser.zero_grad()
            nn.functional.cross_entropy(copied(x), data.y).backward()
            optimiser.step()
        right = 100 * (copied(x_test).argmax(1) == data.y_test).double().mean().item()
    if right > GETS_BY:
        return Feedback(True, f"it learns: about {round(right, -1):.0f} % after 600 steps.")
    return Feedback(
        False,
        f"about {round(right, -1):.0f} % after 600 steps, which is no more than a line gets. Where does its matrix change, and is it 0?",
    )


def predict_regions(regions: float) -> Feedback:
    """Exercise 3: into how many regions eight ReLUs cut the plane, if no three hinges meet and no two are parallel.

    Raises:
        TypeError: If the answer is no finite number.
    """
    right = 1 + LINES + LINES * (LINES - 1) // 2
    return near(
        finite("regions", regions),
        right,
        f"1 + {LINES} + {LINES * (LINES - 1) // 2}: each new line is cut by all lines before it, and adds one region more than that.",
        within=0.5,
        mistakes={
            2.0
            ** LINES: "that is every pattern of on and off. Most patterns occur nowhere: three lines make seven regions, not eight.",
            2.0 * LINES: "that is what they make if all of them pass through one point, as with zero biases.",
            1.0 + LINES: "that is what they make if they are parallel.",
        },
        above="too many. Draw three lines, count, and draw a fourth: how many regions does it cut?",
        below="too few. The last line crosses seven others, and so cuts eight regions.",
    )


def change_fold(W: Tensor, b: Tensor, w: Tensor) -> Feedback:
    """Exercise 4: another fold for XOR, which lays (0, 0) and (1, 1) on one another.

    Args:
        W: Weights of two units, [2 inputs, 2 units].
        b: Their biases, [2].
        w: Weights of the output, [2].

    Raises:
        TypeError: If one is no tensor.
        ValueError: If one has another shape.
    """
    for name, given, shape in (("W", W, (2, 2)), ("b", b, (2,)), ("w", w, (2,))):
        if not isinstance(given, Tensor):
            raise TypeError(f"{name} must be a tensor, got {type(given).__name__}")
        if given.shape != shape:
            raise ValueError(f"{name} must have the shape {list(shape)}, got {list(given.shape)}")
    corners = xor()
    h = torch.relu(corners.x.double() @ W.double() + b.double())
    wrong = (h @ w.double() - corners.y).abs() > 1e-6
    if wrong.any():
        at = tuple(corners.x[wrong][0].int().tolist())
        return Feedback(False, f"at {at} the output is {(h @ w.double())[wrong][0]:g}, and XOR is not.")
    if not torch.allclose(h[0], h[3]):
        first, last = (f"({', '.join(f'{v:g}' for v in point.tolist())})" for point in (h[0], h[3]))
        return Feedback(
            False,
            f"XOR is solved, but by another fold: (0, 0) goes to {first} and (1, 1) to {last}. Which function of x₁ and x₂ is 0 at both?",
        )
    return Feedback(True, "it computes |x₁ − x₂|, and folds the plane along the diagonal.")


def explain_zero_biases(choice: str) -> Feedback:
    """Exercise 5: why a ReLU network without biases has no more than two pieces along a line through the origin.

    Raises:
        ValueError: If the answer is not "a", "b", "c" or "d".
    """
    reasons = {
        "a": "the number of its units does not matter here, and neither does their being on or off for half of the inputs.",
        "b": "its weights may be as large as you like; the pieces do not become more.",
        "c": "relu(tz) = t relu(z) for t > 0, so the outputs at tx are t times those at x: straight from the origin outwards, on either side.",
        "d": "with zero biases no unit is dead because of its bias, and the pieces are two with all units alive.",
    }
    return choose(choice, "c", reasons)


def build_pieces(pieces: Callable[[nn.Module, Tensor, Tensor], int]) -> Feedback:
    """Exercise 6: a function that counts the linear pieces of a network between two points.

    Args:
        pieces: Of a network, the point where the line begins and the point where it ends, both [inputs].

    Raises:
        TypeError: If the answer is not a function.
    """
    if not callable(pieces):
        raise TypeError(f"pieces must be a function of network, start and end, got {type(pieces).__name__}")
    start, end = torch.tensor(
        [[0.0123], [0.9871]], dtype=torch.float64
    )  # bends lie at sixteenths: no grid meets them
    for layers in (1, 2, 4):
        right, given = 2**layers, finite("pieces", pieces(_tents(layers), start, end))
        if given != right:
            hint = (
                " Count the pieces, not the bends between them."
                if given == right - 1
                else " Units switch in every layer; look at all of them."
                if given == 2
                else ""
            )
            return Feedback(
                False, f"{2 ** (layers - 1)} teeth have {right} pieces, and yours gives {given:g}.{hint}"
            )
    return Feedback(True, "teeth of one, two and four layers of two units have 2, 4 and 16 pieces.")


def _tents(layers: int) -> nn.Sequential:
    """A tent of a tent of a tent, on [0, 1]: layers of two ReLUs."""
    parts: list[nn.Module] = []
    for layer in range(layers):
        linear = nn.Linear(2 if layer else 1, 2, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor([[2.0, -4.0], [2.0, -4.0]] if layer else [[1.0], [1.0]]))
            linear.bias.copy_(torch.tensor([0.0, -0.5]))
        parts += [linear, nn.ReLU()]
    last = nn.Linear(2, 1, dtype=torch.float64)
    with torch.no_grad():
        last.weight.copy_(torch.tensor([[2.0, -4.0]]))
        last.bias.zero_()
    return nn.Sequential(*parts, last)

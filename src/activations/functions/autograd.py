"""What torch differentiates: formulas with closed-form derivatives, forwards and backwards and to any order.

Everything here passes through torch's transforms (`torch.func`, forward-mode derivatives, tracing, compilation). While
`torch.jit.trace` records, the formulas themselves are recorded, since a traced graph holds no Python. torch.compile knows
no rule for forward-mode derivatives, so every function is there twice: without one, and with one in a class derived from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import TransformType
from torch._functorch.pyfunctorch import retrieve_all_functorch_interpreters

Formula = Callable[[Tensor], Tensor]


def refuse_nesting() -> None:
    """Inside a rule for forward-mode derivatives: refuse where another forward mode is open around it.

    torch hands the inner rule numbers that the outer mode does not know, and the second derivative would silently be 0.

    Raises:
        NotImplementedError: If one is.
    """
    open_levels = [level.key() for level in retrieve_all_functorch_interpreters()]
    if open_levels.count(TransformType.Jvp) > 1:
        raise NotImplementedError(
            "one of two nested derivatives must be in reverse mode, as in torch.func.hessian, got forward mode inside forward mode, "
            "which torch's custom functions do not define"
        )


@dataclass(frozen=True)
class Formulas:
    """A formula and its derivatives; not a tuple, which torch's transforms would take apart."""

    first: Formula
    others: tuple[Formula, ...]


def exact(x: Tensor, formulas: tuple[Formula, ...]) -> Tensor:
    """The first formula of x; each of the others is the derivative of the one before.

    The last one is differentiated as it is written, to any order: it is made of analytic pieces.
    """
    first, *others = formulas
    if not others or torch.jit.is_tracing():
        return _known(first, x)
    function = ExactBackwards if torch.compiler.is_compiling() else Exact
    return function.apply(x, Formulas(first, tuple(others)))


def _known(formula: Formula, x: Tensor) -> Tensor:
    return torch.where(x.isnan(), x, formula(x))


class ExactBackwards(torch.autograd.Function):
    """A formula whose derivative is the next one."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, formulas: Formulas) -> Tensor:
        """The first formula."""
        return _known(formulas.first, x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the input."""
        x, ctx.formulas = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient of the input."""
        (x,) = ctx.saved_tensors
        return exact(x, ctx.formulas.others) * gradients[0], None


class Exact(ExactBackwards):
    """The same, with forward-mode derivatives."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        """How the value moves with the input."""
        refuse_nesting()
        (x,) = ctx.saved_tensors
        return exact(x, ctx.formulas.others) * tangents[0]


def pulled_back(x: Tensor, value: Formula, pullback: Callable[..., Tensor]) -> Tensor:
    """A function of several numbers whose way back is a formula, too."""
    if torch.jit.is_tracing():
        return value(x)
    function = PulledBackwards if torch.compiler.is_compiling() else PulledBack
    return function.apply(x, value, pullback)


class PulledBackwards(torch.autograd.Function):
    """A function of several numbers and the formula of Jᵀg for its Jacobian J."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, value: Formula, pullback: Callable[..., Tensor]) -> Tensor:
        """The value."""
        return value(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the input."""
        x, ctx.value, ctx.pullback = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of the input."""
        (x,) = ctx.saved_tensors
        return ctx.pullback(x, gradients[0]), None, None


class PulledBack(PulledBackwards):
    """The same, with forward-mode derivatives."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        """J t: the transpose of g ↦ Jᵀg, which is linear, so that it does not matter at which g it is taken."""
        refuse_nesting()
        (x,) = ctx.saved_tensors
        nowhere = torch.zeros_like(ctx.value(x))
        forwards = torch.func.vjp(lambda g: ctx.pullback(x, g), nowhere)[1]
        return forwards(tangents[0])[0]

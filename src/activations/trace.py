"""What passes through a network: before and after every activation, and the weights that feed it.

::

    with trace.watch(network) as seen:
        outputs = network(x)
    seen[0].pre, seen[0].post                                 # z and φ(z) of the first layer
    torch.autograd.grad(loss, [layer.pre for layer in seen])  # δ = ∂loss/∂z of every layer

Any `torch.nn.Module` will do: hooks see its activations where they are modules, torch's or ours. A `Stack` holds many
networks; any other module counts as one member. What is written as a call within a `forward`, as `torch.relu(z)`, and
what is inside torch's own recurrent and attention modules, is not seen.
"""

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from activations import networks
from activations.functions import Activation
from activations.networks import SideBySide, Stack
from activations.nn import activation_of


@dataclass(frozen=True, eq=False)
class Layer:
    """One application of an activation.

    Attributes:
        name: Of the module that applied it, as `named_modules` has it.
        activations: Which it was, one a member; None where it is none of ours, as a PReLU with a slope a channel.
        pre: Before the activation, as the network has it; part of the graph.
        post: After it.
        weights: The weights that fed it: a stack's [members, ...] (v under weight norm); else those of the module with
            weights that ran last. None where there are none that a gradient could be taken of.
        stacked: Whether all of these have members in front.
        units: The dimension of `pre` that counts the units.
    """

    name: str
    activations: tuple[Activation | None, ...]
    pre: Tensor
    post: Tensor
    weights: Tensor | None
    stacked: bool
    units: int

    @property
    def key(self) -> tuple[str, int]:
        """The same for the steps of a recurrent layer, which share their weights, and different for others."""
        return self.name, id(self.weights)

    def arranged(self, values: Tensor) -> Tensor:
        """`pre`, `post` or a gradient as [members, examples, units, ...]."""
        return values if self.stacked else values.movedim(self.units, 1)[None]


@contextmanager
def watch(network: nn.Module) -> Iterator[list[Layer]]:
    """Note every activation that the network applies, in the order in which it does.

    The answers of the network stay what they are. An activation that works in place gets a copy to work on.

    Args:
        network: Any module; within the `with`, calling it fills the list.

    Raises:
        ValueError: If no module in it is an activation of single numbers.
    """
    seen: list[Layer] = []
    with ExitStack() as hooks:
        tracer = _Tracer(seen)
        for name, module in network.named_modules():
            if isinstance(module, SideBySide):
                hooks.callback(module.register_forward_hook(tracer.side_by_side(name)).remove)
            elif (found := _applied(module)) is not None:
                before, after = tracer.alone(name, found)
                hooks.callback(module.register_forward_pre_hook(before, with_kwargs=True).remove)
                hooks.callback(module.register_forward_hook(after).remove)
            elif _has_weights(module):
                hooks.callback(module.register_forward_hook(tracer.fed).remove)
        if not tracer.activations:
            raise ValueError(
                f"network must have an activation that is a module, as torch.nn.ReLU(), got {type(network).__name__} "
                "without one; calls as torch.relu(z) are not seen"
            )
        yield seen


class _Tracer:
    """The hooks of one `watch`, and what they have to remember from one to the next."""

    def __init__(self, seen: list[Layer]) -> None:
        self.seen = seen
        self.activations = 0
        self.feeding: nn.Module | None = None
        self.waiting: list[Tensor] = []

    def side_by_side(self, name: str) -> Any:
        """The hook of a stack's activations; what has no weights of its own, as an LSTM's way out, is no layer."""
        self.activations += 1

        def after(module: SideBySide, args: tuple[Any, ...], h: Tensor) -> None:
            z, weights = args if len(args) == 2 else (*args, None)
            if weights is not None:
                self.seen.append(Layer(name, module.activations, z, h, weights, True, 2))

        return after

    def alone(self, name: str, found: tuple[Activation | None]) -> Any:
        """The hooks before and after an activation's module."""
        self.activations += 1

        def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            z = args[0] if args else kwargs["input"]
            if (
                torch.is_grad_enabled() and not z.requires_grad
            ):  # as at the input: δ can be asked for there, too
                z = z.detach().requires_grad_()
            self.waiting.append(z)
            given = z.clone() if getattr(module, "inplace", False) else z
            return ((given, *args[1:]), kwargs) if args else ((), kwargs | {"input": given})

        def after(module: nn.Module, args: tuple[Any, ...], h: Tensor) -> None:
            W = getattr(self.feeding, "weight", None)
            weights = W if isinstance(W, nn.Parameter) else None
            units = 1 if isinstance(self.feeding, _ConvNd) else -1
            self.seen.append(Layer(name, found, self.waiting.pop(), h, weights, False, units))

        return before, after

    def fed(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """Note which module with weights ran last."""
        self.feeding = module


def _applied(module: nn.Module) -> tuple[Activation | None] | None:
    """The activation of single numbers that a module applies; (None,) where it is none of ours, None where there is none."""
    try:
        found = activation_of(module)
    except TypeError:
        return None
    except ValueError:  # it has other parameters than ours; an activation of several numbers has a dimension
        return None if hasattr(module, "dim") else (None,)
    return (found,) if isinstance(found, Activation) else None


def _has_weights(module: nn.Module) -> bool:
    own = [*module.parameters(recurse=False)]
    if isinstance(W := getattr(module, "weight", None), Tensor):  # also one that is computed of others
        own.append(W)  # type: ignore[arg-type]
    return any(parameter.ndim > 1 for parameter in own)


# ---------------------------------------------------------------- networks as they are measured


def members(network: nn.Module) -> int:
    """How many networks there are in it: 1, if it is no `Stack`."""
    return len(network.members) if isinstance(network, Stack) else 1


def outputs(network: nn.Module, x: Tensor) -> Tensor:
    """What every member says to a batch: [members, batch, classes]."""
    found: Tensor = network(x)
    return found if isinstance(network, Stack) else found[None]


def members_first(network: nn.Module, values: Tensor) -> Tensor:
    """Parameters or buffers of a network, or what has their shape, as [members, ...]."""
    return values if isinstance(network, Stack) else values[None]


def weights(network: nn.Module) -> list[tuple[str, int, nn.Parameter]]:
    """Weights without biases and norms, from the input up: their name, the layer that they feed, counted from 1, and they."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    if not isinstance(network, Stack):
        found = [p for p in network.parameters() if p.ndim > 1 and "bias" not in names[id(p)]]
        return [(names[id(W)], layer, W) for layer, W in enumerate(found, start=1)]
    convolutions = len(getattr(network, "kernels", ()))
    told = []
    for W in networks.weights(network):
        kind, index = names[id(W)].split(".")
        told.append((names[id(W)], int(index) + 1 + convolutions * (kind == "W"), W))
    return told


def used(network: nn.Module, layer: Layer) -> Tensor | None:
    """The weights that fed a layer, as it multiplies by them: w, where `layer.weights` are v under weight norm."""
    made = network.normed() if isinstance(network, Stack) else []
    return next((norm(W) for norm, W in made if W is layer.weights), layer.weights)


def copied(network: nn.Module) -> nn.Module:
    """A copy in which nothing is frozen and nothing was made in inference mode."""
    if isinstance(network, Stack):
        return network.keep(range(len(network.members)))
    return copy.deepcopy(network).requires_grad_()


def measurable(network: nn.Module, gradients: bool = False) -> nn.Module:
    """The network, or a copy of it where it cannot be measured itself.

    What was made in inference mode cannot be put back as it was, and no gradient passes through it.

    Args:
        network: Any module.
        gradients: Whether gradients of all its weights will be asked for, frozen ones included.
    """
    parts = [*network.parameters(), *network.buffers()]
    frozen = gradients and not all(parameter.requires_grad for parameter in network.parameters())
    return copied(network) if frozen or any(part.is_inference() for part in parts) else network


@contextmanager
def undrawn(network: nn.Module) -> Iterator[None]:
    """Put torch's random numbers, which dropout draws, back as they were."""
    devices = {parameter.device for parameter in network.parameters() if parameter.device.type == "cuda"}
    with torch.random.fork_rng([*devices]):
        yield


@contextmanager
def undisturbed(network: nn.Module) -> Iterator[None]:
    """Put buffers (running statistics), the modes of all parts and random numbers back as they were."""
    modes = [(module, module.training) for module in network.modules()]
    before = [buffer.clone() for buffer in network.buffers()]
    with undrawn(network):
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training
            with torch.no_grad():
                for buffer, value in zip(network.buffers(), before, strict=True):
                    buffer.copy_(value)

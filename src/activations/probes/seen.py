"""Seeing the activations of a model while it runs: hooks for its modules, two of torch's modes for what is called in between."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.utils.rnn import PackedSequence
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from activations.functions import Activation
from activations.networks import SideBySide
from activations.probes import calls
from activations.probes.applied import Applied, applied, recognised
from activations.probes.counts import Counts
from activations.probes.places import is_script, shown, site_of

_RECURRENT = (nn.RNNBase, nn.RNNCellBase)
_MANY = 20  # numbers of units of one activation; more come of a wrong dimension, in which batches differ
_TORCH_S = ("aten", "prim", "prims", "profiler", "c10d", "_c10d_functional")  # operators' namespaces


@dataclass
class _Running:
    """A module that is running: its name, whether what it calls is its own affair, and what is noted at its end."""

    module: nn.Module
    name: str
    hides: bool = False
    pending: "tuple[Counts, int] | None" = None


@dataclass
class _Fed:
    """What weighed last: its name, and of its output the dimension of the units from the end, their number, and all dimensions."""

    name: str = ""
    units: int = -1
    count: int | None = None
    ndim: int | None = None


@dataclass
class Seen:
    """What was seen of a model's activations.

    Attributes:
        rows: What is kept of each, in the order in which they were first applied.
        unseen: What was not seen, by name, and why.
    """

    model: nn.Module
    units: Mapping[str, int]
    rows: dict[tuple[Any, ...], Counts] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Learn the names of modules, and of weights."""
        self.stack: list[_Running] = []
        self.hidden = self.inside = 0
        self.fed = _Fed()
        self.names = {id(module): shown(name) for name, module in self.model.named_modules()}
        self.weights: dict[int, str] = {}
        for name, part in [*self.model.named_parameters(), *self.model.named_buffers()]:
            self.weights.setdefault(id(part), shown(name).removesuffix(".weight"))
        self.unnamed: Any = WeakIdKeyDictionary()
        self.made = 0  # weights without a name, of this call of the model
        self.applied = {
            id(module): applied(module) for module in self.model.modules() if not is_script(module)
        }
        self.never = {self.names[key] for key, found in self.applied.items() if found is not None}
        self.tried: set[int] = set()
        self.sizes: dict[tuple[Any, ...], set[int]] = {}

    def _applies(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Applied | None:
        """What a module applies; of one that is not known, it is found out when it is called with one tensor."""
        key, one = id(module), len(args) == 1 and not kwargs and isinstance(args[0], Tensor)
        if one and key in self.applied and self.applied[key] is None and key not in self.tried:
            self.tried.add(key)
            self.applied[key] = self._hiding(recognised, (module,), {})
        return self.applied.get(key)

    def again(self) -> None:
        """Begin another call of the model."""
        self.stack.clear()
        self.hidden = self.inside = self.made = 0
        self.fed = _Fed()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """See what the model applies within the `with`."""
        with ExitStack() as stack:
            scripts = any(is_script(module) for module in self.model.modules())
            for module in [each for each in self.model.modules() if not is_script(each)]:
                stack.callback(module.register_forward_pre_hook(self._enter, with_kwargs=True).remove)
                stack.callback(module.register_forward_hook(self._leave, always_call=True).remove)
            if scripts:  # which take no hooks of their own
                stack.callback(register_module_forward_pre_hook(self._enter_script).remove)
                stack.callback(register_module_forward_hook(self._leave_script, always_call=True).remove)
            stack.enter_context(_Below(self))
            stack.enter_context(_Called(self))
            yield

    # ------------------------------------------------------------ modules

    def _enter_script(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if is_script(module):
            self._enter(module, args, {})

    def _leave_script(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if is_script(module):
            self._leave(module, args, output)

    def _enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        running = _Running(module, self.names.get(id(module), type(module).__name__))
        if not self.hidden:
            if isinstance(module, SideBySide):
                running.hides = True
                weights = args[1] if len(args) > 1 else None
                self.fed = _Fed(
                    "" if weights is None else self._name(weights), 2 - args[0].ndim, ndim=args[0].ndim
                )
                running.pending = self._before(
                    running.name, module.activations[0].label, module.activations[0], args[0]
                )
            elif (found := self._applies(module, args, kwargs)) is not None:
                running.hides = True
                z = args[0] if args else next(iter(kwargs.values()), None)
                self.never.discard(running.name)
                if isinstance(z, Tensor) and self._countable(z, running.name):
                    name = running.name or type(module).__name__
                    running.pending = self._before(
                        name, found.name, found.activation, z, site_of(module=True)
                    )
            elif isinstance(module, _RECURRENT):
                running.hides = True
        self.stack.append(running)
        self.hidden += running.hides

    def _leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if not any(running.module is module for running in self.stack):
            return
        while (running := self.stack.pop()).module is not module:  # what raised, and was caught
            self.hidden -= running.hides
        self.hidden -= running.hides
        if self.hidden or not running.hides:
            return
        if running.pending is not None and isinstance(output, Tensor):
            self._after(running.pending, output)
        elif isinstance(module, _RECURRENT) and output is not None:
            self._recurrent(running, module, output)

    def _recurrent(self, running: _Running, module: nn.Module, output: Any) -> None:
        """Count what comes out of torch's recurrent modules, which compute the rest in one call."""
        kind, name = type(module).__name__, running.name or type(module).__name__
        h = output[0] if isinstance(output, tuple) else output
        h = h.data if isinstance(h, PackedSequence) else h
        inside = "its gates and cells" if "RNN" not in kind else "its pre-activations"
        if getattr(module, "num_layers", 1) > 1:
            inside += " and all layers but the last"
        self.unseen[name] = f"{kind} computes {inside} in one call of torch's; what comes out is counted"
        if self._countable(h, name):
            self.fed = _Fed(name, -1, h.shape[-1], h.ndim)
            self._after(self._row(name, f"{kind} output", None, h, None), h)

    # ------------------------------------------------------------ calls

    @property
    def here(self) -> str:
        """The name of the innermost module that is running."""
        return self.stack[-1].name if self.stack else ""

    def call(self, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, python: bool) -> Any:
        """Run a call of torch's, and note what it is."""
        if self.hidden:
            return function(*args, **kwargs)
        inside = self.inside > 0
        found = (
            calls.activation(function, args, kwargs)
            if python
            else calls.below(function, args, kwargs, inside)
        )
        if found is not None:
            return self._activation(found, function, args, kwargs, python)
        if calls.opaque(function):
            return self._hiding(function, args, kwargs)
        self.inside += python
        try:
            output = function(*args, **kwargs)
        finally:
            self.inside -= python
        if not python and getattr(function, "namespace", "") not in _TORCH_S:
            self.unseen[f"{self.here}: {function}".removeprefix(": ")] = (
                "is an operator whose inside is not looked at"
            )
        if self.inside:  # what a function of torch's is made of
            return output
        if (weighed := calls.feed(function, args, kwargs, output)) is not None:
            self.fed = _Fed(self._name(weighed.weights), weighed.units, *weighed[2:])
        elif (norm := calls.normed(function, output)) is not None:
            self.fed = _Fed(self.fed.name or self.here, *norm)
        elif (why := calls.by_hand(function, args)) is not None:
            self.unseen.setdefault(self.here or type(self.model).__name__, why)
        return output

    def _hiding(self, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call what is not looked at itself."""
        self.hidden += 1
        try:
            return function(*args, **kwargs)
        finally:
            self.hidden -= 1

    def _activation(
        self, found: calls.Call, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], python: bool
    ) -> Any:
        layer = f"{self.here}: {found.name}" if self.here else found.name
        pending = None
        if not isinstance(calls.original(found.z), nn.Parameter) and self._countable(found.z, layer):
            label = found.activation.label if found.activation is not None else found.name
            pending = self._before(layer, label, found.activation, found.z, site_of() if python else None)
        output = self._hiding(function, args, kwargs)
        h = output[0] if isinstance(output, tuple) else output
        if pending is not None and isinstance(h, Tensor):
            self._after(pending, h)
        return output

    # ------------------------------------------------------------ what is kept

    def _countable(self, z: Tensor, name: str) -> bool:
        """Whether the numbers of a tensor can be counted; where they cannot, that is noted."""
        why = None
        if torch._C._functorch.is_functorch_wrapped_tensor(z):
            why = "runs inside a transform of torch.func, as vmap"
        elif z.is_nested or z.layout is not torch.strided:
            why = "holds tensors that are nested or sparse"
        elif z.device.type == "meta":
            why = "runs on the meta device, without numbers"
        elif not z.is_floating_point():
            why = f"has numbers of {z.dtype}"
        if why is not None:
            self.unseen[name] = why
        return why is None and z.numel() > 0 and z.ndim > 0

    def _name(self, weights: Tensor | None) -> str:
        """What weighs, by its name; without one, by the module that it is in and its place among those."""
        if weights is not None:
            for each in (weights, calls.original(weights)):
                if id(each) in self.weights:
                    return self.weights[id(each)]
                if each in self.unnamed:
                    return str(self.unnamed[each])
        top = self.stack[-1].module if self.stack else None
        if top is not None and isinstance(
            getattr(top, "weight", None), Tensor
        ):  # one that is computed of others
            return self.here
        self.made += 1
        name = f"{self.here or type(self.model).__name__}, product {self.made}"
        if weights is not None:
            self.unnamed[weights] = name
        return name

    def _before(
        self, layer: str, name: str, activation: Activation | None, z: Tensor, site: Any = None
    ) -> tuple[Counts, int]:
        counts, dim = self._row(layer, name, activation, z, site)
        if counts.units == z.shape[dim]:
            self._hiding(counts.before, (z, dim), {})
        return counts, dim

    def _after(self, pending: tuple[Counts, int], h: Tensor) -> None:
        counts, dim = pending
        if not self._countable(h, counts.name):
            return
        if h.ndim < -dim or h.shape[dim] != counts.units:
            if counts.post.numbers or h.ndim < -dim:
                self.unseen[counts.name] = "returns another number of units than before"
                return
            counts.renew(h.shape[dim])  # a gate halves them
        self._hiding(counts.after_it, (h, dim), {})

    @property
    def kept(self) -> list[Counts]:
        """The rows that say something: not those of an activation whose units are never as many as before."""
        for (name, *_), sizes in self.sizes.items():
            if len(sizes) > _MANY:
                self.unseen[name] = (
                    f"has {len(sizes)} numbers of units; `units` says which dimension counts them"
                )
        return [
            row for key, row in self.rows.items() if row.post.numbers and len(self.sizes[key[:-1]]) <= _MANY
        ]

    def _row(
        self, layer: str, name: str, activation: Activation | None, z: Tensor, site: Any
    ) -> tuple[Counts, int]:
        """The row of an activation, a new one at its first call, and the dimension that counts its units."""
        dim, guessed = self._units(layer, z)
        key = (layer, name, self.fed.name, site, z.shape[dim])
        if key not in self.rows:
            sizes = self.sizes.setdefault(key[:-1], set())
            sizes.add(z.shape[dim])
            self.rows[key] = Counts(layer, name, activation, self.fed.name, z.shape[dim], guessed)
        return self.rows[key], dim

    def _units(self, layer: str, z: Tensor) -> tuple[int, bool]:
        """The dimension of z that counts the units, from the end, and whether that is a guess."""
        if (told := self.units.get(layer)) is not None:
            if not -z.ndim <= told < z.ndim:
                raise ValueError(
                    f"units must name a dimension of {layer!r}, of shape {tuple(z.shape)}, got {told}"
                )
            return told if told < 0 else told - z.ndim, False
        dim, count, ndim = self.fed.units, self.fed.count, self.fed.ndim
        if z.ndim <= 2:
            return -1, False
        if ndim in (None, z.ndim) and -dim <= z.ndim and count in (None, z.shape[dim]):
            return dim, not self.fed.name
        same = [at - z.ndim for at in range(1, z.ndim) if z.shape[at] == count]
        if dim in same or len(same) == 1:
            return (dim if dim in same else same[0]), False
        return (dim if -dim <= z.ndim else -1), True


class _Called(TorchFunctionMode):
    """Sees torch's functions as they are called from Python."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return self.seen.call(func, args, kwargs or {}, python=True)


class _Below(TorchDispatchMode):
    """Sees the operators that are run, from wherever: what scripts and exported programs call."""

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """That nothing is compiled here is seen to already; else torch loads its compiler for it, which takes seconds."""
        return False

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return self.seen.call(func, args, kwargs or {}, python=False)

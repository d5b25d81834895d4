"""Recurrent networks: a signal is read number by number, and what was read is kept in a state.

Equations, order of the gates and biases are torch's, so that a member equals `nn.RNN`, `nn.GRU` or `nn.LSTM`
with its weights.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from activations.networks.stack import Member, Stack, elementwise, positive
from activations.normalize import Norm


class Recurrent(Stack):
    r"""`depth` layers of `width` units that read an example step by step; the last state feeds the output.

    .. math:: h_t = \varphi(x_t W + b + h_{t-1} U + c), \qquad h_0 = 0

    Args:
        members: Activation, init and seed of each; the init draws W with the layer's inputs as fan_in, U with
            its units.
        shape: Shape of one input example: (steps,) is read as one number a step, (steps, features) and (1,
            steps, features) as the rows of an image.
        classes: Numbers in an output.
        depth: Layers, at least 1.
        width: Units of a layer, at least 1.
        norm: Must be "none".

    Shape: `[batch, *shape]` or `[members, batch, *shape]` → `[members, batch, classes]`.

    A trace (`activations.trace`) has an entry a layer and step, layer by layer.

    Raises:
        TypeError: If a size is no int.
        ValueError: If a size is below 1, there is no member, the example has no steps, or there is a norm.

    Source: elman1990finding.
    """

    gates = 1  # how many linear maps a cell has side by side

    def __init__(
        self,
        members: Sequence[Member],
        shape: tuple[int, ...],
        classes: int,
        *,
        depth: int = 1,
        width: int = 100,
        norm: str | Norm = "none",
    ) -> None:
        super().__init__(members, shape, norm)
        if self.norm.layer is not None:
            raise ValueError(f"norm must be 'none' for a recurrent network, got {self.norm.label!r}")
        if not 1 <= len(self.shape) <= 3 or (len(self.shape) == 3 and self.shape[0] != 1):
            raise ValueError(
                f"shape must be (steps,), (steps, features) or (1, steps, features), got {self.shape}"
            )
        self.U = nn.ParameterList()
        self.c = nn.ParameterList()
        fan_in = 1 if len(self.shape) == 1 else self.shape[-1]
        for _ in range(positive("depth", depth)):
            self.W.append(self._side_by_side(fan_in, positive("width", width)))
            self.b.append(self.draw_bias((1, self.gates * width), width))
            self.U.append(self._side_by_side(width, width))
            self.c.append(self.draw_bias((1, self.gates * width), width))
            fan_in = width
        self.add_dense(width, positive("classes", classes))

    def _side_by_side(self, fan_in: int, fan_out: int) -> nn.Parameter:
        """Draw the weights of all gates: [members, fan_in, gates · fan_out]."""
        gates = [self.draw((fan_in, fan_out), fan_in, fan_out).detach() for _ in range(self.gates)]
        return nn.Parameter(torch.cat(gates, dim=2))

    def forward(self, x: Tensor) -> Tensor:
        """Return the members' outputs before the softmax."""
        x = self.spread(x)
        steps = self.shape[-2] if len(self.shape) > 1 else self.shape[0]
        read = x.reshape(*x.shape[:2], steps, -1).unbind(2)
        for layer, U in enumerate(self.U):
            inputs = self.linear(torch.stack(read, dim=1).flatten(1, 2), layer).unflatten(1, (steps, -1))
            h = memory = inputs.new_zeros(len(inputs), inputs.shape[2], U.shape[1])
            states = []
            for z in inputs.unbind(1):
                h, memory = self.cell(z, h, memory, layer)
                states.append(h)
            read = tuple(states)
        return self.head(h)

    def cell(self, z: Tensor, h: Tensor, memory: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """One step, from what the inputs bring, [members, batch, gates · width], and the state before."""
        return self.activate(z + torch.baddbmm(self.c[layer], h, self.U[layer]), self.U[layer]), memory


class GRU(Recurrent):
    r"""Gated recurrent units; the activation is that of the candidate (tanh in the paper and in torch).

    .. math::
        r &= \sigma(x W_r + b_r + h U_r + c_r) \\
        z &= \sigma(x W_z + b_z + h U_z + c_z) \\
        n &= \varphi(x W_n + b_n + r \odot (h U_n + c_n)) \\
        h' &= (1 - z) \odot n + z \odot h

    Arguments, shapes and errors are those of `Recurrent`. A trace notes the candidate.

    Source: cho2014learning.
    """

    gates = 3

    def cell(self, z: Tensor, h: Tensor, memory: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """One step."""
        sizes = [2 * h.shape[2], h.shape[2]]
        gates, n = z.split(sizes, dim=2)
        h_gates, h_n = torch.baddbmm(self.c[layer], h, self.U[layer]).split(sizes, dim=2)
        reset, update = elementwise(torch.sigmoid, gates + h_gates).chunk(2, dim=2)
        candidate = self.activate(n + reset * h_n, self.U[layer])
        return candidate + update * (h - candidate), memory


class LSTM(Recurrent):
    r"""Long short-term memory; the activation is that of the candidate and of the way out (tanh in torch).

    .. math::
        i, f, o &= \sigma(x W_{i,f,o} + b_{i,f,o} + h U_{i,f,o} + c_{i,f,o}) \\
        g &= \varphi(x W_g + b_g + h U_g + c_g) \\
        m' &= f \odot m + i \odot g \\
        h' &= o \odot \varphi(m')

    Arguments, shapes and errors are those of `Recurrent`. A trace notes the candidate.

    Source: hochreiter1997long.
    """

    gates = 4

    def cell(self, z: Tensor, h: Tensor, memory: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """One step."""
        z = z + torch.baddbmm(self.c[layer], h, self.U[layer])
        i, f, _, o = elementwise(torch.sigmoid, z).chunk(
            4, dim=2
        )  # one call: three for three gates take longer
        candidate = self.activate(z.chunk(4, dim=2)[2], self.U[layer])
        memory = f * memory + i * candidate
        return o * self.activate(memory), memory

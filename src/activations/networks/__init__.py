"""Networks that hold many independent members at once.

Members share shapes and nothing else: each has its own activation, init and seed, and its own slice of every
stacked weight. One batched product serves all of them, so that sixteen seeds cost little more than one.

In float32 and float64 on a CPU, what a member answers and learns is the same to the last bit whoever its
neighbours are. With MKL this takes its setting MKL_CBWR=AUTO, which is made here, unless the process has
multiplied matrices before.
"""

from collections.abc import Callable

from activations.networks.dense import MLP, PreActivation, Residual
from activations.networks.lenet import LeNet
from activations.networks.recurrent import GRU, LSTM, Recurrent
from activations.networks.stack import Member, SideBySide, Stack, ordered, positive, weights

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "NETWORKS",
    "LeNet",
    "Member",
    "PreActivation",
    "Recurrent",
    "Residual",
    "SideBySide",
    "Stack",
    "ordered",
    "positive",
    "weights",
]

#: The networks by the names that a `Grid` takes.
NETWORKS: dict[str, Callable[..., Stack]] = {
    "mlp": MLP,
    "lenet": LeNet,
    "residual": Residual,
    "preactivation": PreActivation,
    "rnn": Recurrent,
    "gru": GRU,
    "lstm": LSTM,
}

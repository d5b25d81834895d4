"""How fast many small networks are trained at once: `activations.experiments.train` beside four other ways, and the floor under all.

Everything runs on two cores, in turns within each round, so that what slows the machine down slows all of them down. A
figure is the median over the rounds, in milliseconds a member and step, with the smallest and the largest. Ours is timed
from the call to the finished tables: building, batches, the test at the end, the processes. The rivals get weights and
batches ready-made, and no test; each gets its better form (threads; scan or not). That all of them end where ours
ends is measured, too. Writes results/many_networks.json; `--quick` takes a few steps only, to see that all of it runs.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

import many_rivals
import record
from activations import probes
from activations.data import Data, mnist1d
from activations.experiments import Grid, Run, train
from activations.experiments.plan import SIZE

CORES = min(2, os.cpu_count() or 1)
MEMBERS, BATCH, RATE = 32, 100, 1e-3
SIZES = (8, 16, 32, 64, 128, 256, 512)  # members, for cost and memory
SGEMM = (512, 1024, 2048)  # one of these is where a large product is fastest
PROBED, PROBE_EVERY = (40, 200), 10
DEPTH, DEEP = 2, 30
# Deep networks of ReLU need He's weights in order to learn at all.
INIT = {DEPTH: "xavier_uniform", DEEP: "kaiming_uniform"}


@dataclass(frozen=True)
class Plan:
    """How much is done; each way of training takes one to three seconds a round.

    Args:
        rounds: Turns that count; one more warms up.
        steps: By depth.
        singles: How many of the members those train that train one after another, since each costs the same.
        scaling: Steps where only the number of members is varied.
        probed: Steps for the price of probes.
        sizes: Members.
        sgemm: Sides of the large products.
    """

    rounds: int = 5
    steps: tuple[int, int] = (300, 40)
    singles: int = 3
    scaling: int = 60
    probed: int = 150
    sizes: tuple[int, ...] = SIZES
    sgemm: tuple[int, ...] = SGEMM


QUICK = Plan(1, (3, 2), 1, 2, 10, (8, 32), (64,))


# ---------------------------------------------------------------- what is timed


def grid(members: int, steps: int, depth: int = DEPTH) -> Grid:
    """Members that differ in their seed."""
    return Grid(
        activation="relu",
        init=INIT[depth],
        depth=depth,
        width=100,
        optimiser="adam",
        rate=RATE,
        batch=BATCH,
        seed=range(members),
        steps=steps,
        scale="standard",
    )


def ours(members: Grid, workers: int, **how: Any) -> Run:
    """All that a reader's call does, apart from the cache."""
    return train(members, "mnist1d", on="cpu", cache=False, progress=False, workers=workers, **how)


def operations(sizes: Iterable[tuple[int, int]], batch: int = BATCH) -> int:
    """Of all matrix products in a step of one member: forward, and back to weights and inputs, but not to the data."""
    products = [2 * batch * fan_in * fan_out for fan_in, fan_out in sizes]
    return 3 * sum(products) - products[0]


def layers(data: Data, depth: int) -> list[tuple[int, int]]:
    """Inputs and outputs of each layer."""
    return [(data.features, 100), *[(100, 100)] * (depth - 1), (100, data.classes)]


@dataclass(frozen=True)
class Contender:
    """One form of one way to train.

    Args:
        who: The way.
        form: What is done differently from its other forms.
        work: Members times steps.
        run: Does it, and returns a `Run` or weights or, for a product, something else.
    """

    who: str
    form: str
    work: float
    run: Callable[[], Any]


def _threads(count: int) -> str:
    return f"{count} thread{'s'[: count != 1]}"


def with_threads(who: str, work: float, run: Callable[[], Any], form: str = "") -> list[Contender]:
    """With one of torch's threads, and with one a core."""

    def threaded(count: int) -> Any:
        torch.set_num_threads(count)
        return run()

    counts = sorted({1, CORES})
    return [Contender(who, form + _threads(count), work, partial(threaded, count)) for count in counts]


def own_contenders(members: Grid) -> list[Contender]:
    """Ours on one core and on all."""
    work = MEMBERS * members.steps
    return [
        Contender("ours_one_core", "1 process", work, partial(ours, members, 1)),
        Contender("ours", f"{CORES} processes", work, partial(ours, members, CORES)),
    ]


def sgemm_contenders(plan: Plan, each: int) -> list[Contender]:
    """A quarter of the operations of a round in large products, on one core and on all."""
    made = []
    for side in plan.sgemm:
        a, b = (torch.randn(side, side, generator=torch.Generator().manual_seed(seed)) for seed in range(2))
        count = max(1, round(each * MEMBERS * plan.steps[0] / 4 / (2 * side**3)))
        work = count * 2 * side**3 / each
        form = f"{side} × {side}, "
        one, *more = with_threads("floor", work, partial(_products, a, b, count), form)
        made += [Contender("floor_one_core", one.form, work, one.run), *(more or [one])]
    return made


def _products(a: torch.Tensor, b: torch.Tensor, count: int) -> None:
    out = torch.empty_like(a)
    for _ in range(count):
        torch.mm(a, b, out=out)


def jax_contenders(task: many_rivals.Task) -> tuple[list[Contender], dict[str, float]]:
    """JAX's forms, and the seconds that each took to compile; nothing where JAX is not there."""
    forms = many_rivals.jax_forms(task) if find_spec("jax") else {}
    work = len(task.order) * MEMBERS
    made = [Contender("jax", form, work, run) for form, (_, run) in forms.items()]
    return made, {form: record.digits(seconds, 3) for form, (seconds, _) in forms.items()}


# ---------------------------------------------------------------- the clock


def race(contenders: Iterable[Contender], rounds: int) -> list[tuple[Contender, list[float], Any]]:
    """Seconds of everybody in every round, and what each left in the round before, which warms up."""
    entered, threads = list(contenders), torch.get_num_threads()
    left = [contender.run() for contender in entered]
    times: list[list[float]] = [[] for _ in entered]
    order, shuffle = [*range(len(entered))], random.Random(0).shuffle
    for _ in range(rounds):
        shuffle(order)  # what one leaves behind in cache and memory meets another each time
        for place in order:
            began = time.perf_counter()
            entered[place].run()
            times[place].append(time.perf_counter() - began)
    torch.set_num_threads(threads)
    return [*zip(entered, times, left, strict=True)]


def spread(seconds: list[float], work: float) -> dict[str, float]:
    """Median, smallest and largest, in milliseconds a member and step."""
    of = {"ms": statistics.median(seconds), "low": min(seconds), "high": max(seconds)}
    return {name: record.digits(1000 * value / work, 3) for name, value in of.items()}


def rows(raced: list[tuple[Contender, list[float], Any]]) -> dict[str, dict[str, Any]]:
    """One row a way: its better form, what that left, and the medians of the others."""
    forms: dict[str, list[dict[str, Any]]] = {}
    for contender, seconds, left in raced:
        row = {"form": contender.form, "left": left} | spread(seconds, contender.work)
        forms.setdefault(contender.who, []).append(row)
    found = {}
    for who, made in forms.items():
        best, *others = sorted(made, key=lambda row: row["ms"])
        found[who] = best | {"others": {row["form"]: row["ms"] for row in others}}
    return found


# ---------------------------------------------------------------- the parts


def comparison(plan: Plan, depth: int) -> dict[str, Any]:
    """Every way to train, at one depth; at 30 layers ours and the usual loop alone."""
    data, deep = mnist1d(), depth == DEEP
    members = grid(MEMBERS, plan.steps[deep], depth)
    single = many_rivals.Task.of(members, data, plan.singles)
    few, all_of_them = plan.singles * members.steps, MEMBERS * members.steps
    entered, compiled = own_contenders(members), dict[str, float]()
    entered += with_threads("data_loader", few, partial(many_rivals.data_loader, single))
    if not deep:
        task = many_rivals.Task.of(members, data, MEMBERS)
        jax, compiled = jax_contenders(task)
        entered += with_threads("indices", few, partial(many_rivals.indices, single))
        entered += with_threads("vmap", all_of_them, partial(many_rivals.vmap, task))
        entered += [*jax, *sgemm_contenders(plan, operations(layers(data, depth)))]
    found = rows(race(entered, plan.rounds))
    right = found["ours"]["left"].final.accuracy
    found["ours"]["accuracy"] = {
        "low": float(right.min()),
        "high": float(right.max()),
    }  # of the test set, in per cent
    learned = {who: _losses(row.pop("left"), data) for who, row in found.items()}
    for who, each in learned.items():
        if each is not None and learned["ours"] is not None:
            found[who] |= _agreement(each, learned["ours"])
    if compiled:
        found["jax"]["compile"] = compiled[found["jax"]["form"]]
    return found


def _losses(left: Any, data: Data) -> np.ndarray | None:
    if left is None:
        return None
    weights = many_rivals.of_stack(left.networks[0]) if isinstance(left, Run) else left
    return many_rivals.training_losses(weights, data)


def _agreement(each: np.ndarray, own: np.ndarray) -> dict[str, float]:
    """The mean loss at the end; how far it is from ours of the same members, the standard error of that, the seeds' spread."""
    gaps = each - own[: len(each)]
    error = gaps.std(ddof=1) / len(gaps) ** 0.5 if len(gaps) > 1 else 0.0
    values = {"loss": each.mean(), "gap": gaps.mean(), "error": error, "seeds": own.std(ddof=1)}
    return {"members": len(each)} | {name: record.digits(float(value)) for name, value in values.items()}


def scaling(plan: Plan) -> dict[str, Any]:
    """Cost and memory by the number of members."""
    entered = []
    for members in plan.sizes:
        run = partial(ours, grid(members, plan.scaling), CORES)
        entered.append(Contender(str(members), "", members * plan.scaling, run))
    found = {}
    for contender, seconds, _ in race(entered, plan.rounds):
        members = int(contender.who)
        cores = min(CORES, -(-members // SIZE))  # a job of sixteen stays on one
        cost = grid(members, plan.scaling).cost("mnist1d")
        found[contender.who] = spread(seconds, contender.work) | {
            "cores": cores,
            "stated": cost.kept + cost.job(SIZE),
            "measured": memory(members, plan.scaling),
        }
    return found


def memory(members: int, steps: int) -> int:
    """Bytes that training adds at most, in a process of its own."""
    command = [sys.executable, __file__, "--memory", str(members), str(steps)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def added(members: int, steps: int) -> int:
    """Bytes by which training raises the most that this process ever held."""
    ours(grid(1, 1), 1)  # what is loaded and made once
    before = _most()
    ours(grid(members, steps), 1)
    return _most() - before


def _most() -> int:
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # of macOS, in bytes


def probing(plan: Plan) -> dict[str, Any]:
    """Training with a probe at every tenth step, and without."""
    members = grid(MEMBERS, plan.probed)
    entered = [Contender("none", "", MEMBERS * plan.probed, partial(ours, members, CORES))]
    for examples in PROBED:
        probe = partial(probes.layers, examples=examples)
        run = partial(ours, members, CORES, probe=probe, probe_every=PROBE_EVERY)
        entered.append(Contender(str(examples), "", MEMBERS * plan.probed, run))
    return {
        contender.who: spread(seconds, contender.work) for contender, seconds, _ in race(entered, plan.rounds)
    }


def start_up() -> float:
    """Seconds that the first call takes longer than the second, which finds the processes there."""
    taken = []
    for _ in range(2):
        began = time.perf_counter()
        ours(grid(MEMBERS, 1), CORES)
        taken.append(time.perf_counter() - began)
    return max(0.0, taken[0] - taken[1])


# ---------------------------------------------------------------- where the time goes

# What an operation is for, by its own name or that of one that it is part of; the first that fits.
PURPOSES: dict[str, tuple[str, ...]] = {
    "activation": ("aten::clamp_min", "aten::threshold_backward"),
    "batch": ("aten::index_select", "aten::randperm"),
    "bias": ("aten::baddbmm", "aten::sum"),
    "loss": (
        *("aten::_log_softmax", "aten::log_softmax", "aten::gather", "aten::_softmax", "aten::softmax"),
        *("aten::scatter_add_", "aten::mul_", "aten::mean", "aten::neg_"),
    ),
    "optimiser": ("aten::_fused_adam_", "aten::copy_"),
}
PRODUCTS = ("aten::bmm", "aten::baddbmm", "aten::mm", "aten::addbmm")
# Operations that only say how memory is to be read: their time is Python's and autograd's.
VIEWS = (
    "aten::expand",
    "aten::transpose",
    "aten::view",
    "aten::as_strided",
    "aten::select",
    "aten::unsqueeze",
)


def purpose(names: list[str]) -> str:
    """What an operation is for, given its name and those of all that it is part of, the innermost first."""
    if names[0] in PRODUCTS:
        return "products"
    if names[0] not in VIEWS:
        for name, marks in PURPOSES.items():
            if any(each in marks for each in names):
                return name
    return "overhead"


def shares(plan: Plan) -> dict[str, Any]:
    """Shares of the time of one job, by what it is for; whatever is no operation of torch's is overhead."""
    members = grid(SIZE, plan.scaling)
    ours(members, 1)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        began = time.perf_counter()
        ours(members, 1)
        whole = time.perf_counter() - began
    seconds = dict.fromkeys(("products", *PURPOSES), 0.0)
    for event in profiled.events():
        names, part = [], event
        while part is not None:
            names.append(part.name)
            part = part.cpu_parent
        if (name := purpose(names)) != "overhead":
            seconds[name] += event.self_cpu_time_total / 1e6
    seconds["overhead"] = whole - sum(seconds.values())
    flops = operations(layers(mnist1d(), DEPTH)) * SIZE * plan.scaling
    return {name: record.digits(taken / whole, 3) for name, taken in seconds.items()} | {
        "rate": record.digits(flops / seconds["products"], 3)
    }


# ---------------------------------------------------------------- the run


def measure(plan: Plan) -> dict[str, dict[str, Any]]:
    """All parts, one after another."""
    return {
        "once": {
            "start_up": record.digits(start_up(), 3),
            "operations": operations(layers(mnist1d(), DEPTH)),
        },
        "two_layers": comparison(plan, DEPTH),
        "deep": comparison(plan, DEEP),
        "scaling": scaling(plan),
        "probes": probing(plan),
        "profile": shares(plan),
    }


def stay_on(cores: int) -> None:
    """Keep this process and those that it starts on so many cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def main(arguments: list[str] | None = None) -> int:
    """Time everything and store it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps only, to see that all of it runs")
    parser.add_argument("--memory", nargs=2, type=int, metavar=("MEMBERS", "STEPS"), help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.memory:
        print(added(*asked.memory))
        return 0
    if not (asked.quick or find_spec("jax")):
        print("JAX is one of the rivals and is not there: run `make bench`.", file=sys.stderr)
        return 1
    begun, plan = time.perf_counter(), QUICK if asked.quick else Plan()
    print("Timing takes some minutes; leave the machine alone meanwhile.", flush=True)
    stay_on(CORES)
    about = record.machine() | {"quick": asked.quick, "cores_used": CORES, "members": MEMBERS}
    about |= {
        "rounds": plan.rounds,
        "steps": plan.steps[0],
        "deep_steps": plan.steps[1],
        "singles": plan.singles,
    }
    path = record.write("many_networks", about, measure(plan))
    print(f"{path.name} is written after {time.perf_counter() - begun:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

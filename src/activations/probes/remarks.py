"""Sentences on what looks wrong in a report, each with the numbers that say so."""

import math
from collections.abc import Callable, Iterator

import pandas as pd

from activations import words

MANY = 0.1  # dead, dormant or flat units are spoken of from this share of a layer on
MOST = 0.5  # sparse, always-on and saturated ones, of which a healthy layer has some
_NAME = 40  # letters of a name in a sentence
FEW = 100  # numbers, of which too few say that a unit is dead
SHRINKS = 100.0  # E h² from the first layer to the last
_OFF = 2.0  # sd from 0, of the units that are not dead: inputs hardly decide any more which of them are on
_FAR = 3.0  # sd of the others, by which the dead lie apart


def remarks(table: pd.DataFrame) -> Iterator[str]:
    """What looks wrong in a report's table, the worst first.

    Beside the table's, its columns `zeros` and `bounded` say whether an activation is exactly 0 on an interval, and whether it is flat
    at both ends without that, and `dead_mean`, `live_spread`, `live_off` where the pre-activations of the dead and of the other units lie.
    """
    if table.empty:
        return
    for say in (_not_finite, _dead, _asleep, _flat, _saturated, _dormant, _sparse, _linear, _shrinking, _few):
        yield from say(table)


def _runs(table: pd.DataFrame, chosen: "pd.Series[bool]") -> Iterator[tuple[str, pd.DataFrame]]:
    """Neighbouring rows that are chosen, and what they are called."""
    groups = (chosen != chosen.shift()).cumsum()
    for _, rows in table[chosen].groupby(groups[chosen], sort=False):
        names = [short(name, _NAME) for name in rows["name"]]
        first, last = int(rows.layer.iloc[0]), int(rows.layer.iloc[-1])
        if first == last:
            yield f"Layer {first} (“{names[0]}”)", rows
        else:
            yield f"Layers {first} to {last} (“{names[0]}” to “{names[-1]}”)", rows


def short(name: str, most: int) -> str:
    """A name of at most so many letters: where it is longer, more of its end than of its beginning."""
    end = 3 * most // 4
    return name if len(name) <= most else f"{name[: most - end - 1]}…{name[-end:]}"


def percent(share: float) -> str:
    """A share of 0 to 1; what is there is not rounded away, and what is not all is not rounded up."""
    if math.isnan(share):
        return "–"
    if 0 < share < 0.01:
        return "< 1 %"
    if 0.99 < share < 1:
        return "> 99 %"
    return f"{100 * share:.0f} %"


def _between(shares: "pd.Series[float]") -> str:
    low, high = percent(shares.min()), percent(shares.max())
    return high if low == high else f"{low} to {high}"


def _not_finite(table: pd.DataFrame) -> Iterator[str]:
    for name, rows in _runs(table, table.not_finite > 0):
        yield (
            f"{name}: {_between(rows.not_finite)} of the activations are NaN or infinite, so that nothing else is said of "
            "them. Look at the first such layer: too large a learning rate, too large numbers for the format, or a division by 0."
        )
        return


def _dead(table: pd.DataFrame) -> Iterator[str]:
    for name, rows in _runs(table, table.dead >= MANY):
        yield (
            f"{name}: {_between(rows.dead)} of the units are dead, zero on every example that was looked at. No gradient "
            f"from these reaches their weights. {_cause(rows)}"
        )


def _cause(rows: pd.DataFrame) -> str:
    """What the pre-activations say of why: a layer whose inputs do not matter, or units that lie apart from the others."""
    first = rows.iloc[0]
    if first.dead == 1:
        why = (
            "its input is the same for every example" if first.pre_spread == 0 else "the network is cut here"
        )
        return f"In layer {first.layer} that is all of them: {why}. What lies below it learns nothing more."
    if first.live_off > _OFF:
        return (
            "Biases decide here, not inputs: pre-activations of the other units, too, lie "
            f"{words.number(first.live_off, digits=2)} of their sd from 0. Zero biases with He's init, or a norm before the "
            "activation, help."
        )
    if first.layer == 1:
        return (
            "Layer 1 is the first, and its inputs do not move: if features have means other than 0, subtract these, since "
            "a step then pushes all examples to one side. A lower learning rate keeps units alive; a reset brings them back."
        )
    if first.dead_mean < -_FAR * first.live_spread:
        return (
            f"Their pre-activations lie far below 0, at {words.number(first.dead_mean, digits=2)}, where those of the other "
            f"units have an sd of {words.number(first.live_spread, digits=2)}: too large steps push units there, and so do biases "
            "that are large beside the inputs. Start again with a lower learning rate and zero biases, or reset these units."
        )
    return (
        "A lower learning rate, a norm before the activation, or leaky_relu helps; a reset brings units back."
    )


def _each(
    column: str, least: float, say: Callable[[str, str], str], also: str | None = None
) -> Callable[[pd.DataFrame], Iterator[str]]:
    def spoken(table: pd.DataFrame) -> Iterator[str]:
        chosen = table[column] >= least
        for name, rows in _runs(table, chosen if also is None else chosen & table[also].astype(bool)):
            yield say(name, _between(rows[column]))

    return spoken


_saturated = _each(
    "saturated",
    MOST,
    lambda name, share: (
        f"{name}: {share} of the numbers saturate the activation, so that little gradient passes there. Smaller weights or a "
        "norm before it help."
    ),
    also="bounded",
)
_sparse = _each(
    "sparse",
    MOST,
    lambda name, share: (
        f"{name}: {share} of the units are sparse, zero on more than 90 % of the examples. They learn from few, and the next "
        "large step may kill them."
    ),
)
_linear = _each(
    "always_on",
    MOST,
    lambda name, share: (
        f"{name}: {share} of the units are always on, never zero: on these examples the activation is linear for them, and "
        "bends nothing. Smaller biases or a norm before it help."
    ),
    also="zeros",
)


def _asleep(table: pd.DataFrame) -> Iterator[str]:
    chosen = (
        (table.negative - table.dead.fillna(0) >= MANY)
        & ~table.zeros
        & table.function.str.contains("leaky|prelu|rrelu")
    )
    for name, rows in _runs(table, chosen):
        yield (
            f"{name}: {_between(rows.negative)} of the units are negative on every example: they are linear with the small "
            "slope, and learn slowly."
        )


def _flat(table: pd.DataFrame) -> Iterator[str]:
    for name, rows in _runs(table, (table.flat - table.dead.fillna(0) >= MANY)):
        yield (
            f"{name}: {_between(rows.flat)} of the units saturate on every example: almost no gradient reaches their weights, "
            "though they are not zero. Smaller weights or a norm before the activation help."
        )


def _dormant(table: pd.DataFrame) -> Iterator[str]:
    more = table.dormant - table.dead
    for name, rows in _runs(table, more >= MANY):
        yield (
            f"{name}: {_between(rows.dormant)} of the units are dormant, {_between(more[rows.index])} of all without being dead: "
            "their mean size is a small part of their layer's. Resetting them gives them back to the network."
        )


def _shrinking(table: pd.DataFrame) -> Iterator[str]:
    sizes = table[(table.mean_square > 0) & table.zeros].set_index("layer").mean_square
    if len(sizes) < 3:
        return
    first, last = float(sizes.iloc[0]), float(sizes.iloc[-1])
    if max(first / last, last / first) > SHRINKS:
        how = "shrinks" if last < first else "grows"
        yield (
            f"The mean square of the activations {how} from {words.number(first, digits=2)} in layer "
            f"{sizes.index[0]} to {words.number(last, digits=2)} in layer {sizes.index[-1]}: the weights are "
            f"too {'small' if last < first else 'large'} for this depth. He's init or norms keep it."
        )


def _few(table: pd.DataFrame) -> Iterator[str]:
    fewest, layer = int(table.numbers.min()), table.layer[table.numbers.idxmin()]
    if fewest < FEW:
        yield (
            f"In layer {layer} only {fewest} number{'s'[: fewest != 1]} of a unit {'were' if fewest != 1 else 'was'} looked at: "
            "more examples would find fewer dead units."
        )

"""How a report shows itself: as text, as a page and as a picture."""

import html as markup
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from activations import plots, words
from activations.probes.remarks import percent, short

_HEADS = {
    "layer": "layer", "name": "name", "function": "function", "units": "units", "dead": "dead", "sparse": "sparse",
    "always_on": "always on", "dormant": "dormant", "zero": "zero", "saturated": "saturated", "mean": "mean", "sd": "sd",
}  # fmt: skip
_TEXTS = ("name", "function")
_WHOLE = ("layer", "units")
_MOMENTS = ("mean", "sd")
_WIDEST = 36  # letters of a name where letters are counted
# What a bar is made of, from the bottom up: its colour, and its hatching, which tells it apart in grey.
_PARTS = {
    "dead": ("#000000", ""),
    "sparse": ("#D55E00", "////"),
    "in between": ("#dddddd", ""),
    "always on": ("#56B4E9", "...."),
}
_FLAT = "dead, or flat on every example"


def text(table: pd.DataFrame, notes: Sequence[str], unseen: Mapping[str, str]) -> str:
    """The main columns, aligned; the notes; what was not seen."""
    cells = _cells(table).map(lambda cell: short(cell, _WIDEST))
    widths = {name: max([len(head), *cells[name].str.len()]) for name, head in _HEADS.items()}
    lines = []
    for row in [_HEADS, *cells.to_dict("records")] if len(table) else []:
        parts = [
            row[name].ljust(width) if name in _TEXTS else row[name].rjust(width)
            for name, width in widths.items()
        ]
        lines.append("  ".join(parts).rstrip())
    lines += ["", *notes] if lines else notes
    if unseen:
        lines += ["", "Not seen:", *(f"  {name}: {why}" for name, why in unseen.items())]
    return "\n".join(lines)


def _cells(table: pd.DataFrame) -> pd.DataFrame:
    """What is written in the table of a text or page; of what is never 0 not that it is always on."""
    table = table.assign(always_on=table.always_on.where(table.zeros))

    def written(name: str, value: Any) -> str:
        if name in _MOMENTS:
            return words.number(value, digits=3) if pd.notna(value) else "–"
        return percent(value) if name not in _TEXTS + _WHOLE else str(value)

    return pd.DataFrame(
        {name: [written(name, value) for value in table[name]] for name in _HEADS}, dtype=object
    )


def html(table: pd.DataFrame, notes: Sequence[str], unseen: Mapping[str, str]) -> str:
    """The same as a page, with a bar in each row."""
    parts = [f"<p>{markup.escape(note)}</p>" for note in notes]
    if len(table):
        heads = "".join(f"<th>{head}</th>" for head in ["units by kind", *_HEADS.values()])
        rows = [
            f"<tr><td>{_bar(shares)}</td>{''.join(f'<td>{markup.escape(cell)}</td>' for cell in cells.values())}</tr>"
            for cells, shares in zip(
                _cells(table).to_dict("records"), bars(table).to_dict("records"), strict=True
            )
        ]
        key = " ".join(f"{_piece(name, '0.9em')} {_said(name, table)}" for name in _PARTS)
        whole = f"<table style='white-space:nowrap'><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        parts = [f"<div style='overflow-x:auto'>{whole}</div>", f"<p>{key}</p>", *parts]
    if unseen:
        items = "".join(
            f"<li><code>{markup.escape(name)}</code>: {markup.escape(why)}</li>"
            for name, why in unseen.items()
        )
        parts.append(f"<p>Not seen:</p><ul>{items}</ul>")
    return "".join(parts)


def _bar(shares: dict[str, float]) -> str:
    said = ", ".join(f"{percent(share)} {name}" for name, share in shares.items() if share > 0)
    pieces = "".join(_piece(name, f"{100 * share:.1f}%") for name, share in shares.items() if share > 0)
    return f"<span role='img' aria-label='{said}' style='display:inline-block;width:120px;white-space:nowrap;font-size:0'>{pieces}</span>"


def _piece(name: str, width: str) -> str:
    """A part of a bar; stripes and dots tell it apart in grey."""
    colour, hatch = _PARTS[name]
    over = {
        "": colour,
        "////": f"repeating-linear-gradient(45deg,{colour} 0 3px,#ffffff 3px 4px)",
        "....": f"radial-gradient(#ffffff 1px,{colour} 1.2px) 0 0/4px 4px",
    }[hatch]
    return f"<span style='display:inline-block;height:14px;vertical-align:middle;width:{width};background:{over}'></span>"


def bars(table: pd.DataFrame) -> pd.DataFrame:
    """Of each layer the shares of its units that a bar shows; they sum to 1, or are all 0 where nothing is known.

    Of an activation that is never 0, a unit that is saturated on every example stands for a dead one, and none is always on.
    """
    silent = table.dead.where(table.zeros, table[["dead", "flat"]].max(axis=1))
    on = table.always_on.where(table.zeros, 0.0)
    found = pd.DataFrame({"dead": silent, "sparse": table["sparse"], "always on": on})
    found.insert(2, "in between", (1 - found.sum(axis=1)).clip(lower=0).where(table.dead.notna(), 0.0))
    return found.where(table.dead.notna(), 0.0).astype(float)


def _said(name: str, table: pd.DataFrame) -> str:
    return _FLAT if name == "dead" and not table.zeros.all() else name


def draw(table: pd.DataFrame) -> None:
    """A bar a layer, and a diamond at its share of dormant units."""
    with plots.figure() as axes:
        found, below = bars(table), pd.Series(0.0, index=table.index)
        for name, (colour, hatch) in _PARTS.items():
            look = {"color": colour, "hatch": hatch, "ec": "white", "lw": 0, "label": _said(name, table)}
            axes.bar(table.layer, found[name], bottom=below, width=0.8, **look)
            below = below + found[name]
        axes.plot(
            table.layer, table.dormant, "D", ms=5, color="white", mec="black", label="dormant", clip_on=False
        )
        if len(unknown := table.layer[table.dead.isna()]):
            plots.missing(axes, f"not finite: layer {', '.join(map(str, unknown))}")
        if table.empty:
            plots.missing(axes, "no activation was seen")
        axes.set(
            xlabel="layer", ylabel="share of the units", ylim=(0, 1), xlim=(0.4, max(len(table), 1) + 0.6)
        )
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.grid(axis="x", visible=False)
        axes.set_axisbelow(True)
        handles, said = axes.get_legend_handles_labels()
        how = {
            "loc": "lower left",
            "bbox_to_anchor": (-0.02, 1.0),
            "ncols": 3,
            "frameon": False,
            "fontsize": 9,
        }
        axes.legend(handles[1:] + handles[:1], said[1:] + said[:1], columnspacing=1.0, **how)

"""The recurring figures: what is labelled, where, and what a grey eye sees."""

import io
from itertools import pairwise
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from activations import functions, initialize, normalize, plots
from activations.statistics import interval

GAP = 0.075


@pytest.fixture
def axes():
    with mpl.rc_context(plots.STYLE):
        yield Figure().subplots()


def labels(axes):
    """The written labels with their heights, from the bottom up."""
    return sorted((text.get_position()[1], text.get_text()) for text in axes.texts)


def placed(axes, *ends, **how):
    """Label lines that end at these heights of a unit axis; returns where the labels went, in the lines' order."""
    axes.set_ylim(0, 1)
    for index, end in enumerate(ends):
        axes.plot([0, 1], [0.5, end], label=str(index))
    plots.name_lines(axes, **how)
    return [
        height for _, height in sorted((int(text.get_text()), text.get_position()[1]) for text in axes.texts)
    ]


def test_labels_stand_at_the_ends_of_their_lines_in_their_colours(axes):
    assert placed(axes, 0.1, 0.9, 0.5) == pytest.approx([0.1, 0.9, 0.5])
    colours = {line.get_label(): plots.ink(line.get_color()) for line in axes.get_lines()}
    assert {text.get_text(): text.get_color() for text in axes.texts} == colours


@pytest.mark.parametrize(
    "ends",
    [
        [0.5, 0.5],
        [0.5, 0.51, 0.52, 0.9],
        [1.0, 1.0, 1.0, 1.0],
        [0.0, 0.0, 0.0],
        [0.97, 0.2, 0.99, 0.98, 0.21],
        [7.0, -3.0, 0.5],
        list(np.linspace(0.9, 1, 12)),
    ],
)
def test_labels_do_not_overlap_keep_their_order_and_stay_within_the_axes(axes, ends):
    heights = placed(axes, *ends)
    for below, above in pairwise(sorted(heights)):
        assert above - below >= GAP - 1e-12
    assert min(heights) >= -1e-12 and max(heights) <= 1 + 1e-12
    order = np.argsort(np.clip(ends, 0, 1), kind="stable")
    assert (np.diff(np.array(heights)[order]) > 0).all()


def test_a_wider_gap_is_kept(axes):
    heights = sorted(placed(axes, 0.5, 0.5, 0.5, gap=0.2))
    assert np.diff(heights).min() >= 0.2 - 1e-12


def test_text_of_the_default_gap_does_not_overlap_as_drawn(axes):
    placed(axes, 0.5, 0.5, 0.5, 0.5)
    axes.figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
    for below, above in pairwise(boxes):
        assert above.y0 - below.y0 >= 0.75 * below.height  # only ascenders and descenders may meet


def test_a_line_that_breaks_off_is_labelled_where_it_ends(axes):
    axes.set_ylim(0, 1)
    axes.plot([0, 1, 2], [0.2, 0.3, np.nan], label="broken")
    axes.plot([0, 1, 2], [0.9, 0.9, 0.9])  # has no name
    plots.name_lines(axes)
    assert labels(axes) == [(pytest.approx(0.3), "broken")]


def test_heights_follow_a_logarithmic_axis(axes):
    axes.set(yscale="log", ylim=(1e-4, 1))
    axes.plot([0, 1], [1, 1e-2], label="a")
    plots.name_lines(axes)
    assert labels(axes) == [(pytest.approx(0.5), "a")]


# ---------------------------------------------------------------- figures

VALUES = {
    ("tanh", 1): [1.0, 2.0, 3.0],
    ("tanh", 2): [2.0, 2.5, 3.5],
    ("relu", 1): [0.0, 1.0, 1.5],
    ("relu", 2): [4.0, 4.0, 4.0],
}
TABLE = pd.DataFrame(
    [
        {"activation": name, "step": step, "seed": seed, "loss": value}
        for (name, step), values in VALUES.items()
        for seed, value in enumerate(values)
    ]
)


def test_bands_draw_means_and_intervals_and_label_each_line_once(axes):
    plots.bands(axes, TABLE, "step", "loss", "activation")
    assert [text.get_text() for text in axes.texts] == [
        line.get_label() for line in sorted(axes.get_lines(), key=lambda line: line.get_ydata()[-1])
    ]
    assert [line.get_label() for line in axes.get_lines()] == ["tanh", "relu"]
    for line, band in zip(axes.get_lines(), axes.collections, strict=True):
        sides = [interval(VALUES[line.get_label(), step]) for step in (1, 2)]
        assert line.get_xdata().tolist() == [1, 2]
        np.testing.assert_allclose(line.get_ydata(), [side.effect for side in sides])
        corners = band.get_paths()[0].vertices
        for at, side in zip((1, 2), sides, strict=True):
            heights = corners[corners[:, 0] == at][:, 1]
            assert (heights.min(), heights.max()) == pytest.approx((side.low, side.high))


def test_bands_leave_out_rows_without_a_value(axes):
    holes = pd.concat([TABLE, TABLE.assign(step=3, loss=np.nan)])
    plots.bands(axes, holes, "step", "loss", "activation")
    assert all(line.get_xdata().tolist() == [1, 2] for line in axes.get_lines())


def test_bands_take_other_names(axes):
    plots.bands(axes, TABLE, "step", "loss", "activation", names={"relu": "ReLU"})
    assert sorted(text.get_text() for text in axes.texts) == ["ReLU", "tanh"]


def test_curves_label_each_line_once_and_tell_them_apart(axes):
    x = np.linspace(-1, 1, 5)
    plots.curves(axes, x, {"up": x, "down": -x, "flat": 0 * x})
    assert [text for _, text in labels(axes)] == ["down", "flat", "up"]
    assert (
        len({(line.get_color(), line.get_linestyle(), str(line._dash_pattern)) for line in axes.get_lines()})
        == 3
    )


def test_dots_show_every_seed_and_the_interval_from_the_top_down(axes):
    groups = {"a": [1.0, 2.0, 4.0], "b": [3.0, 3.0]}
    plots.dots(axes, groups, chance=10)
    seeds, bar, *_ = axes.get_lines()
    assert (seeds.get_xdata().tolist(), seeds.get_ydata().tolist()) == ([1, 2, 4], [0, 0, 0])
    side = interval(groups["a"])
    assert bar.get_xdata() == pytest.approx([side.low, side.high]) and list(bar.get_ydata()) == [0, 0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "b"]
    assert axes.get_ylim() == (1.5, -0.5)  # the first on top
    assert axes.get_lines()[-1].get_xdata() == [10, 10]
    assert len(axes.get_lines()) == 5


def test_without_chance_there_is_no_line_for_it(axes):
    plots.dots(axes, {"a": [1.0, 2.0]})
    assert len(axes.get_lines()) == 2


def test_a_figure_has_the_house_style_and_puts_back_what_it_changed(monkeypatch):
    monkeypatch.setattr(plots.plt, "show", lambda: shown.append(mpl.rcParams["axes.grid"]))
    shown, before = [], dict(mpl.rcParams)
    mpl.use("agg")
    with plots.figure() as one:
        assert not one.spines["top"].get_visible() and mpl.rcParams["lines.linewidth"] == 2
    with plots.figure(3, height=2.0, sharey=True) as three:
        assert len(three) == 3 and three[0].figure.get_size_inches()[1] == 2
    assert shown == [True, True]
    assert {key: mpl.rcParams[key] for key in plots.STYLE} == {key: before[key] for key in plots.STYLE}
    plots.plt.close("all")


@pytest.mark.parametrize(
    ("timed", "says"), [(False, {"words": ["a word"]}), (True, {"words": ["a word"], "timed": True})]
)
def test_a_picture_in_a_notebook_says_what_is_to_be_compared_of_it(timed, says, monkeypatch):
    told = []
    shell = SimpleNamespace(display_formatter=SimpleNamespace(format=lambda drawn: ({}, {})))
    monkeypatch.setattr(plots, "get_ipython", lambda: shell)
    monkeypatch.setattr(plots, "display", lambda formats, metadata, raw: told.append(metadata))
    monkeypatch.setattr(plots.plt, "get_backend", lambda: "inline")
    with plots.figure(timed=timed) as axes:
        axes.set(xticks=[], yticks=[], title="a word")
    assert told == [says]


# ---------------------------------------------------------------- grey and colour-blind eyes


def grey(colour):
    red, green, blue = mpl.colors.to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_neighbouring_colours_differ_in_grey():
    for one, other in pairwise([*plots.COLOURS, plots.COLOURS[0]]):
        assert abs(grey(one) - grey(other)) >= 0.1, (one, other)


def contrast(colour):
    """WCAG's contrast with white, as the axe library computes it."""
    parts = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in mpl.colors.to_rgb(colour))
    return 1.05 / (sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True)) + 0.05)


@pytest.mark.parametrize("colour", plots.COLOURS)
def test_a_label_can_be_read_and_has_its_lines_hue(colour):
    drawn = plots.ink(colour)
    assert contrast(drawn) >= 4.499
    hue, before = (mpl.colors.rgb_to_hsv(mpl.colors.to_rgb(each))[0] for each in (drawn, colour))
    assert abs(hue - before) < 0.02
    if contrast(colour) >= 4.5:
        assert drawn == pytest.approx(mpl.colors.to_rgb(colour), abs=1e-12)


def test_colours_and_dashes_are_distinct_and_as_many():
    assert len(plots.COLOURS) == len(plots.DASHES) == len(set(plots.COLOURS)) == len(set(plots.DASHES))
    count = len(plots.COLOURS) * len(plots.DASHES)
    looks = [plots.look(index) for index in range(count)]
    assert looks[0] == {"color": plots.COLOURS[0], "linestyle": "-"}
    assert all(looks.count(each) == 1 for each in looks) and plots.look(count) == looks[0]


@pytest.mark.parametrize("kind", [functions.REGISTRY, initialize.SCHEMES, normalize.NORMS])
def test_whatever_has_a_name_looks_the_same_in_every_figure_and_like_nothing_else_of_its_kind(kind):
    own = {name: next(plots.looks([name])) for name in kind}
    assert all([*own.values()].count(each) == 1 for each in own.values())
    for order in ([*kind], [*kind][::-1], ["what", *kind]):
        drawn = dict(zip(order, plots.looks(order), strict=True))
        assert {name: drawn[name] for name in kind} == own


def test_the_same_with_another_parameter_keeps_its_colour_and_others_take_a_free_one():
    first, other, again, plain = plots.looks(["sigmoid", "half", "sigmoid, gain 4", "half, rate 1"])
    assert first == next(plots.looks(["sigmoid"]))
    assert first["color"] == again["color"] != other["color"] == plain["color"]
    assert first["linestyle"] != again["linestyle"] and other["linestyle"] != plain["linestyle"]
    many = [*plots.looks([f"sigmoid, gain {gain}" for gain in range(60)])]
    assert {each["color"] for each in many} == {first["color"]}
    assert len(many) == 60 and [many.count(each) for each in many[:7]].count(1) == 6


def test_lines_are_drawn_as_their_labels_say(axes):
    plots.curves(axes, np.arange(3.0), {"tanh": np.ones(3), "sigmoid": np.zeros(3)})
    drawn = [{"color": line.get_color(), "linestyle": line.get_linestyle()} for line in axes.get_lines()]
    wanted = [next(plots.looks([name])) for name in ("tanh", "sigmoid")]
    assert [each["color"] for each in drawn] == [each["color"] for each in wanted]


# ---------------------------------------------------------------- what cannot be drawn


def notes(axes):
    return [text.get_text() for text in axes.texts if text.get_gid() == "missing"]


def drawn(axes):
    axes.figure.savefig(io.BytesIO(), format="png")


@pytest.mark.parametrize("values", [[np.nan] * 3, [np.inf, -np.inf, np.inf]], ids=["nan", "inf"])
def test_a_line_without_finite_numbers_is_named_and_the_others_are_drawn(axes, values):
    plots.curves(axes, np.arange(3.0), {"gone": np.array(values), "there": np.ones(3)})
    drawn(axes)
    assert notes(axes) == ["no finite value: gone"] and [text for _, text in labels(axes) if text == "there"]


def test_lines_without_a_point_are_named(axes):
    axes.plot([], [], label="empty")
    plots.name_lines(axes)
    drawn(axes)
    assert notes(axes) == ["no finite value: empty"]


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize(
    "values",
    [[5e-324] * 3, [5e-324, 1e-310, 2e-308], [0.0, -1.0, 2.0], [1.0] * 3, [1e150, 1e-150, 1e8]],
    ids=["one subnormal", "subnormals", "negative", "constant", "wide"],
)
def test_whatever_is_finite_is_drawn_with_its_label(axes, scale, values):
    axes.set_yscale(scale)
    plots.curves(axes, np.arange(3.0), {"line": np.array(values)})
    drawn(axes)
    assert [(0 <= height <= 1, text) for height, text in labels(axes)] == [(True, "line")]


def test_a_logarithmic_axis_says_what_it_cannot_show(axes):
    axes.set_yscale("log")
    plots.curves(axes, np.arange(3.0), {"below": np.array([0.0, -1, -2]), "above": np.ones(3)})
    drawn(axes)
    assert notes(axes) == ["no finite value that a logarithmic axis can show: below"]


def test_one_point_is_a_line_with_a_label(axes):
    plots.curves(axes, np.array([1.0]), {"point": np.array([2.0])})
    drawn(axes)
    assert [text for _, text in labels(axes)] == ["point"] and notes(axes) == []


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ([np.nan] * 4 + [1.0, 2.0] * 2, ["no finite loss: A"]),
        ([np.inf, 1.0, 1.5, 2.0] + [1.0, 2.0] * 2, ["1 infinite value left out"]),
        ([np.nan] * 8, ["no finite loss: A, b"]),
        ([np.inf] * 8, ["no finite loss: A, b", "8 infinite values left out"]),
    ],
)
def test_bands_say_what_is_missing(axes, loss, said):
    rows = {"by": ["a"] * 4 + ["b"] * 4, "x": [0, 0, 0, 0] + [0, 0, 1, 1], "loss": loss}
    plots.bands(axes, pd.DataFrame(rows), "x", "loss", "by", names={"a": "A"})
    drawn(axes)
    assert notes(axes) == said


def test_an_empty_table_says_so(axes):
    plots.bands(axes, pd.DataFrame({"by": [], "x": [], "loss": []}), "x", "loss", "by")
    drawn(axes)
    assert notes(axes) == ["no finite loss"]


def test_dots_say_what_is_missing(axes):
    groups = {"a": [np.nan, np.inf, 1.0], "b": [], "d": [1.0, 2.0]}
    plots.dots(axes, groups, chance=0.5)
    drawn(axes)
    assert notes(axes) == ["a: 2 of 3 not finite", "b: no value"]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(groups)
    other = axes.figure.add_subplot()
    plots.dots(other, {})
    assert notes(other) == ["no group"]
    with pytest.raises(ValueError, match="^c must be numbers, one a seed, got "):
        plots.dots(other, {"c": [10**400, 2.0]})


def test_notes_stand_below_one_another(axes):
    for words in ("one", "two"):
        plots.missing(axes, words)
    axes.figure.canvas.draw()
    one, two = (text.get_window_extent() for text in axes.texts)
    assert one.y0 > two.y1

"""The book's Sphinx extension, on books of a page or two."""

import json
import re
import shutil
import sys
from base64 import b64encode
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "extension"))

from course import contents, intervals, quiz, site, stored

# Sphinx and its extensions warn Python about one another; only what they say about the book counts here.
pytestmark = pytest.mark.filterwarnings("ignore")

PIXELS = np.random.default_rng(0).integers(0, 256, (200, 320, 4), np.uint8)  # some of them transparent


def png(pixels: np.ndarray) -> str:
    kept = BytesIO()
    Image.fromarray(pixels).save(kept, "PNG")
    return b64encode(kept.getvalue()).decode()


PNG = png(PIXELS)
BIB = "@article{glorot2010, author={Glorot, Xavier}, title={Understanding}, journal={AISTATS}, year={2010}}\n"


def claim(name: str = "demo/slope", **changes: object) -> dict:
    side = {"label": "Xavier", "effect": 0.2362, "low": 0.2351, "high": 0.2373, "n": 16}
    return {
        "id": name, "statement": "It *shrinks*", "source": "glorot2010", "direction": "below", "threshold": 0.25,
        "unit": "× a layer", "verdict": "holds", "condition": None, "kind": "holds", "sides": [side], "remark": None,
    } | changes  # fmt: skip


def cell(*outputs: tuple[dict, dict], tags: tuple[str, ...] = (), alt: str = "") -> dict:
    return {
        "cell_type": "code", "execution_count": 1, "source": "1", "id": f"c{len(tags)}{len(outputs)}",
        "metadata": {"tags": [*tags]} | ({"mystnb": {"image": {"alt": alt}}} if alt else {}),
        "outputs": [{"output_type": "display_data", "data": data, "metadata": meta} for data, meta in outputs],
    }  # fmt: skip


def claimed(*claims: dict) -> list[dict]:
    return [
        cell(({"text/plain": "line", "text/html": f'<p id="claim-{c["id"][5:]}">'}, {"claim": c}))
        for c in claims
    ]


class Book:
    """A book with one notebook, `demo`, and the pages given."""

    def __init__(
        self, folder: Path, pages: dict[str, str], cells: list[dict], widgets: dict | None = None
    ) -> None:
        self.folder = folder
        for name in ("book", "notebooks"):
            (folder / name).mkdir(exist_ok=True)
        (folder / "book" / "references.bib").write_text(BIB)
        (folder / "index.md").write_text(
            "# Index\n\n```{bibliography}\n```\n\n```{toctree}\n:glob:\nbook/*\nnotebooks/*\n```\n"
        )
        for name, text in pages.items():
            (folder / "book" / f"{name}.md").write_text(f"# {name.capitalize()}\n\n{text}\n")
        self.store(cells, widgets)

    def store(self, cells: list[dict], widgets: dict | None = None) -> None:
        title = {"cell_type": "markdown", "metadata": {}, "source": "# Demo", "id": "title"}
        state = {"widgets": {stored.WIDGET_STATE: {"state": widgets}}} if widgets else {}
        cells = [title, *({**c, "id": f"cell{i}"} for i, c in enumerate(cells))]
        state["language_info"] = {"name": "python", "pygments_lexer": "python"}
        notebook = {"cells": cells, "metadata": state, "nbformat": 4, "nbformat_minor": 5}
        (self.folder / "notebooks" / "demo.ipynb").write_text(json.dumps(notebook))

    def build(self, theme: str = "basic") -> str:
        """Build, and return the warnings."""
        said = StringIO()
        out = self.folder / "_build"
        with patch_docutils(None), docutils_namespace():
            Sphinx(
                self.folder, None, out / "html", out / "doctrees", "html", status=None, warning=said,
                confoverrides={
                    "extensions": ["myst_nb", "sphinxcontrib.bibtex", "course"], "nb_execution_mode": "off", "numfig": True,
                    "bibtex_bibfiles": ["book/references.bib"], "bibtex_reference_style": "author_year", "html_theme": theme,
                    "exclude_patterns": ["_build"], "myst_enable_extensions": ["dollarmath"], "nb_ipywidgets_js": {}, "nitpicky": True,
                },
            ).build()  # fmt: skip
        return said.getvalue()

    def html(self, page: str) -> str:
        return (self.folder / "_build" / "html" / f"{page}.html").read_text()


def test_the_ledger_shows_every_claim_with_its_citation_and_links_to_the_cell(tmp_path: Path):
    book = Book(
        tmp_path,
        {"demo": "It is {verdict}`demo/slope`: {effect}`demo/slope|Xavier`.", "ledger": "```{ledger}\n```"},
        claimed(claim(), claim("demo/other")),
    )
    assert book.build() == ""
    html = book.html("book/ledger")
    assert html.count('<tr class="row-') == 3
    assert (
        "It <em>shrinks</em>" in html
        and "Glorot" in html
        and "0.2362" in html
        and "[0.2351,\N{NO-BREAK SPACE}0.2373]" in html
    )
    assert 'href="../notebooks/demo.html#claim-slope"' in html
    assert 'id="ledger-demo-slope"' in html and 'href="ledger.html#ledger-demo-slope"' in book.html(
        "book/demo"
    )
    assert '<span class="effect">0.2362 ± 0.0011</span>' in book.html("book/demo")


def test_a_claim_and_a_number_about_time_stand_in_the_book_with_their_machine(tmp_path: Path):
    about = {"scrapbook": {"name": "ratio", "mime_prefix": "application/papermill.record/"}, "timed": True}
    number = cell(({"application/papermill.record/text/plain": "2.5"}, about))
    timed = claim(timed=True, machine="a processor, 2 threads")
    pages = {
        "demo": "{effect}`demo/slope|Xavier`, {glue:text}`../notebooks/demo.ipynb::ratio:.1f`.",
        "ledger": "```{ledger}\n```",
    }
    book = Book(tmp_path, pages, [*claimed(timed, claim("demo/other")), number])
    assert book.build() == ""
    assert "0.2362 ± 0.0011" in book.html("book/demo") and "2.5" in book.html("book/demo")
    ledger = book.html("book/ledger")
    assert ledger.count("<em>Measured on:</em> a processor, 2 threads.") == 1


def test_a_changed_output_changes_the_ledger_and_the_verdict_in_the_text(tmp_path: Path):
    pages = {"demo": "It is {verdict}`demo/slope`.\n\n```{measured} demo\n```", "ledger": "```{ledger}\n```"}
    book = Book(tmp_path, pages, claimed(claim()))
    book.build()
    book.store(claimed(claim(verdict="does not hold", kind="fails", sides=[])))
    assert book.build() == ""
    for page in ("book/demo", "book/ledger"):
        assert "does not hold" in book.html(page) and "0.2362" not in book.html(page)


REGISTER = """
[demo]
note = "Older than the register."
[demo.slope]
statement = "It *shrinks*"
below = 0.25
unit = "× a layer"
source = "glorot2010"
section = "3.1"
[demo.next]
statement = "it grows again"
above = 2
[later.first]
statement = "it bends"
above = 1
[demo.old]
statement = "it grows"
above = 1
withdrawn = "Its threshold was too weak."
verdict = "holds"
"""


def test_the_ledger_lists_what_is_registered_and_not_yet_measured(tmp_path: Path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "claims.toml").write_text(REGISTER)
    book = Book(tmp_path, {"demo": "Words.", "ledger": "```{ledger}\n```"}, claimed(claim()))
    assert book.build() == ""
    html = " ".join(book.html("book/ledger").split())
    assert html.count("registered, not yet measured") == 2 and html.count("ledger-register") == 1
    assert "Older than the register." in html and ", section 3.1." in html
    assert "withdrawn" in html and "Its threshold was too weak. It was: holds." in html
    assert html.index("It <em>shrinks</em>") < html.index("it grows again") < html.index("it bends")
    assert 'id="ledger-demo-next"' in html and 'id="chapter-later"' in html


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        (("below = 0.25", "below = 0.2"), "demo/slope has another threshold in the register"),
        (("[demo.slope]", "[demo.other]"), "demo/slope was tested and is not in the register"),
        (("above = 2", ""), "demo/next must have a number either below or above, got neither"),
    ],
)
def test_a_register_that_says_something_else_is_a_warning(changed: tuple, complaint: str, tmp_path: Path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "claims.toml").write_text(REGISTER.replace(*changed))
    assert complaint in Book(tmp_path, {"ledger": "```{ledger}\n```"}, claimed(claim())).build()


def test_a_chapter_of_the_list_is_a_link_once_its_page_is_written(tmp_path: Path, monkeypatch):
    written = {"Demo: which way?": "book/demo"}
    monkeypatch.setattr(contents, "_pages", lambda env: written)
    book = Book(
        tmp_path,
        {"demo": "Words.", "first": "```{chapters}\nDemo: which way?\n\nOther: how far?\n```"},
        claimed(claim()),
    )
    assert book.build() == ""
    html = " ".join(book.html("book/first").split())
    assert 'href="demo.html"><span>Demo: which way?</span></a>' in html
    assert "Other: how far? (not written yet)" in html and "Demo: which way? (not" not in html
    written["Third: why?"] = "book/third"
    shutil.rmtree(tmp_path / "_build")
    assert "the chapter 'Third: why?' is not among the titles of the first page" in book.build()


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        (claimed(claim(), claim()), "two claims are called demo/slope"),
        (claimed(claim("other/slope")), "must be named demo/"),
        (claimed({k: v for k, v in claim().items() if k != "threshold"}), "has no 'threshold'"),
        (claimed(claim(kind="maybe")), "is of kind 'maybe'"),
        (claimed(claim(source="nobody1900")), "could not find bibtex key"),
    ],
)
def test_a_claim_that_is_wrong_is_a_warning(cells: list[dict], complaint: str, tmp_path: Path):
    assert complaint in Book(tmp_path, {"ledger": "```{ledger}\n```"}, cells).build()


WRONG = {
    "{verdict}`demo/absent`": "verdict: there is no claim called demo/absent",
    "{effect}`demo/absent|Xavier`": "effect: there is no claim called demo/absent",
    "{effect}`demo/slope|He`": "effect: there is no side 'He' of demo/slope",
    "```{measured} absent\n```": "no stored claim of the chapter absent",
    "```{figure-from} demo:absent\n```": "0 cells of demo.ipynb are tagged figure:absent",
    "```{figure-from} absent:loss\n```": "absent.ipynb",
    "```{figure-from} demo:bare\n:alt: x\n```": "stored no picture",
    "```{figure-from} demo:mute\n```": "no alternative text",
    "```{explorer} absent\n```": "the chapter absent has no explorer",
    "```{explorer} saturation\n[1, 2]\n```": "must be a mapping",
    "```{quiz}\n- question: Q\n```": "at least two options",
    "```{quiz}\nnothing\n```": "must be a list of questions",
}


def test_each_directive_that_is_wrong_is_a_warning_in_its_place(tmp_path: Path):
    cells = [
        cell(tags=("figure:bare",)),
        cell(({"image/png": PNG}, {}), tags=("figure:mute",)),
        *claimed(claim()),
    ]
    pages = {f"page{number}": text for number, text in enumerate(WRONG)}
    said = Book(tmp_path, pages | {"ledger": "```{ledger}\n```"}, cells).build().splitlines()
    for page, complaint in zip(pages, WRONG.values(), strict=True):
        assert [line for line in said if f"{page}.md:3: WARNING" in line and complaint in line], complaint
    assert len(said) == len(WRONG)


def test_a_figure_from_a_notebook_has_number_caption_alt_and_size(tmp_path: Path):
    text = "```{figure-from} demo:loss\nThe *caption*.\n\nThe legend.\n```\n\nSee {numref}`fig-loss`."
    book = Book(
        tmp_path, {"demo": text}, [cell(({"image/png": PNG}, {}), tags=("figure:loss",), alt="A loss curve")]
    )
    assert book.build() == ""
    html = book.html("book/demo")
    assert 'alt="A loss curve"' in html and 'width="320" height="200"' in html
    assert 'id="fig-loss"' in html and "The <em>caption</em>." in html and "Fig. 1" in html


def test_a_page_and_its_notebook_share_one_picture_that_has_every_pixel_of_what_is_stored(tmp_path: Path):
    other = np.ascontiguousarray(PIXELS[::-1])
    cells = [
        cell(({"image/png": png(pixels)}, {}), tags=(f"figure:{name}",), alt=name.capitalize())
        for name, pixels in (("loss", PIXELS), ("slope", other))
    ]
    book = Book(tmp_path, {"demo": "```{figure-from} demo:loss\n```"}, cells)
    assert book.build() == ""
    page, notebook = (
        re.findall(r"_images/[^\"]+", book.html(name)) for name in ("book/demo", "notebooks/demo")
    )
    assert set(page) < set(notebook)
    files = sorted((tmp_path / "_build" / "html" / "_images").iterdir())
    assert len(files) == 2 and {file.suffix for file in files} == {".webp"}
    for name, pixels in ((page[0], PIXELS), ((set(notebook) - set(page)).pop(), other)):
        with Image.open(tmp_path / "_build" / "html" / name) as picture:
            assert np.array_equal(np.asarray(picture.convert("RGBA")), pixels)


@pytest.mark.parametrize(
    ("before", "lazy"), [("Short.", False), ("word " * 300, True), ("```{explorer} saturation\n```", True)]
)
def test_only_a_picture_on_the_first_screen_is_fetched_at_once(before: str, lazy: bool, tmp_path: Path):
    cells = [
        cell(({"image/png": PNG}, {}), tags=(f"figure:{name}",), alt="A curve") for name in ("one", "two")
    ]
    text = f"{before}\n\n```{{figure-from}} demo:one\n```\n\n```{{figure-from}} demo:two\n```"
    book = Book(tmp_path, {"demo": text}, cells)
    assert book.build() == ""
    first, second = re.findall(r"<img[^>]*>", book.html("book/demo"))
    assert ('loading="lazy"' in first) == lazy
    assert 'loading="lazy"' in second and 'width="320"' in first


def test_an_explorer_leaves_its_module_state_and_fallback_in_the_page(tmp_path: Path):
    book = Book(
        tmp_path, {"demo": "```{explorer} saturation\n:fallback: See *below*.\nactivation: tanh\n```"}, []
    )
    assert book.build() == ""
    html, site = book.html("book/demo"), tmp_path / "_build" / "html"
    (module,), (sheet,) = (
        re.findall(rf'{key}="../(_static/activations/\w+/[\w/]+/explorer.\w+)"', html)
        for key in ("data-module", 'rel="stylesheet" href')
    )
    assert (site / module).is_file() and (site / sheet).is_file()
    assert (site / sheet).with_name("draw.js").is_file(), "what it imports is where it looks for it"
    handed = (site / module).with_suffix(".made.js").read_text("utf8")
    assert (
        handed.startswith("course.makers[")
        and "export" not in re.findall(r"^\w+", handed, re.MULTILINE)
        and '"./' not in handed
    )
    assert "{&quot;activation&quot;: &quot;tanh&quot;}" in html
    assert "See <em>below</em>." in html and "host.js" in html
    room = re.search(r'aria-hidden="true" inert>(.*)</div></div>', html, re.DOTALL)[1]
    assert "After 20 layers" in room and "UID" not in room


def test_a_quiz_is_a_fieldset_with_a_folded_answer_for_each_option(tmp_path: Path):
    text = "```{quiz}\n- question: What is $x$?\n  options:\n  - {text: $1$, right: true, answer: '*Yes*.'}\n  - {text: two, answer: No.}\n```"
    book = Book(tmp_path, {"demo": text}, [])
    assert book.build() == ""
    html = book.html("book/demo")
    assert html.count("<fieldset") == html.count("</fieldset>") == 1
    assert html.count('type="radio"') == html.count('<details class="quiz-answer">') == 2
    assert html.count('data-right="true"') == 1 and "<em>Yes</em>." in html and "quiz.js" in html


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- options: [1, 2]", "no text under `question`"),
        ("- {question: Q, options: [{text: a, answer: b}, {text: c, answer: d}]}", "exactly one option"),
        (
            "- {question: Q, options: [{text: a, right: true}, {text: c, answer: d}]}",
            "option 1 of question 1 has no answer",
        ),
        (
            "- {question: Q, options: [{answer: a, right: true}, {text: c, answer: d}]}",
            "option 1 of question 1 has no text",
        ),
        ("- question: [", "not YAML"),
    ],
)
def test_a_quiz_that_cannot_be_answered_is_refused(text: str, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        quiz.read(text)


def test_a_widget_that_needs_a_kernel_is_a_warning_naming_its_cell(tmp_path: Path):
    view = {stored.WIDGET_VIEW: {"model_id": "m", "version_major": 2, "version_minor": 0}}
    book = Book(
        tmp_path,
        {},
        [cell((view, {}))],
        {"m": {"model_name": "IntSliderModel", "model_module": "@jupyter-widgets/controls"}},
    )
    assert "cell [1] shows a IntSliderModel, which cannot live in a page without a kernel" in book.build()
    state = {"_esm": "export default { render() {} };", "_css": ".mine { color: red; }", "size": 3}
    book.store(
        [cell((view, {}))], {"m": {"model_name": "AnyModel", "model_module": "anywidget", "state": state}}
    )
    assert book.build() == ""
    html = book.html("notebooks/demo")
    for key, code in (("data-module", state["_esm"]), ('rel="stylesheet" href', state["_css"])):
        (name,) = re.findall(rf'{key}="../(_static/moved/\w+\.\w+)"', html)
        assert (tmp_path / "_build" / "html" / name).read_text("utf8").strip() == code
    assert "render()" not in html and ".mine" not in html and '"size": 3' in html


def test_the_interval_is_drawn_on_the_side_of_the_threshold_where_it_lies(tmp_path: Path):
    demo = Book(tmp_path, {}, claimed(claim())).folder / "notebooks" / "demo.ipynb"
    (found,) = stored.claims(demo)
    svg = intervals.drawing(found, found.sides[0])
    position = {key: float(svg.partition(f'{key}="')[2].partition('"')[0]) for key in ("cx", "x1")}
    assert position["cx"] < position["x1"], "0.236 is below the threshold 0.25"


@pytest.mark.parametrize(
    ("name", "value"), [("COURSE_REPOSITORY", "only-a-name"), ("COURSE_SITE", "example.org")]
)
def test_a_wrong_address_is_an_error_that_names_it(name: str, value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(Exception, match=name):
        site.repository() and site.address() or site.address()


def test_the_addresses_come_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COURSE_REPOSITORY", raising=False)
    monkeypatch.delenv("COURSE_SITE", raising=False)
    assert site.repository() == site.address() == ""
    monkeypatch.setenv("COURSE_REPOSITORY", "owner/name")
    monkeypatch.setenv("COURSE_SITE", "https://owner.github.io/name")
    assert (site.repository(), site.address()) == ("owner/name", "https://owner.github.io/name/")


def test_colab_opens_the_branch_whose_notebooks_install_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COURSE_REPOSITORY", "owner/name")
    monkeypatch.setenv("COURSE_BRANCH", "next")
    monkeypatch.delenv("COURSE_SITE", raising=False)
    book = Book(tmp_path, {"demo": "Text."}, [cell()])
    assert book.build(theme="sphinx_book_theme") == ""
    links = re.findall(r'href="(https?://[^"]*owner/name/[^"]*)"', book.html("notebooks/demo"))
    colab = "https://colab.research.google.com/github/owner/name/blob/colab/notebooks/demo.ipynb"
    assert sorted(set(links)) == [
        colab,
        "https://github.com/owner/name/edit/next/notebooks/demo.ipynb",
        "https://mybinder.org/v2/gh/owner/name/next?urlpath=lab%2Ftree%2Fnotebooks%2Fdemo.ipynb",
    ]
    assert links.count(colab) == 2  # the theme's menu, and the links in the page
    assert book.html("book/demo").count("colab.research") == 1


def test_a_published_page_says_on_paper_where_it_responds_and_offers_the_whole_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("COURSE_REPOSITORY", raising=False)
    monkeypatch.setenv("COURSE_SITE", "https://owner.github.io/name")
    monkeypatch.setenv("COURSE_PDF", "activations.pdf")
    book = Book(tmp_path, {"demo": "Text."}, [cell()])
    book.build(theme="sphinx_book_theme")
    for page in ("book/demo", "notebooks/demo"):
        there = f"https://owner.github.io/name/{page}.html"
        assert f'paper-address onlyprint">This page responds at <a href="{there}">{there}</a>' in book.html(
            page
        )
        assert 'href="../activations.pdf"' in book.html(page)
    monkeypatch.delenv("COURSE_SITE")
    monkeypatch.delenv("COURSE_PDF")
    (tmp_path / "alone").mkdir()
    again = Book(tmp_path / "alone", {"demo": "Text."}, [cell()])
    again.build(theme="sphinx_book_theme")
    assert "paper-address" not in again.html("book/demo") and '.pdf"' not in again.html("book/demo")

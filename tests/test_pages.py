"""The built book, read in a real browser as a reader would."""

import io
import json
import re
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urldefrag, urljoin, urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from matplotlib.colors import rgb_to_hsv, to_rgb
from PIL import Image

from activations.plots import COLOURS
from browser import BOOK, EXPLORER, ROOT, Visit, build

CHAPTER, NOTEBOOK, LEDGER = "book/saturation.html", "notebooks/saturation.html", "book/ledger.html"
API, FUNCTIONS = "book/api/index.html", "book/api/functions.html"
ZOO, MEASURED, ENGINE = "book/zoo.html", "book/measured.html", "book/engine.html"
SCALE_UP = "book/scale_up.html"
PAGES = [
    "book/index.html",
    CHAPTER,
    NOTEBOOK,
    LEDGER,
    API,
    FUNCTIONS,
    ZOO,
    MEASURED,
    ENGINE,
    SCALE_UP,
    "book/glossary.html",
    "book/references.html",
]
LIMITS = {
    CHAPTER: 450_000, NOTEBOOK: 450_000, LEDGER: 380_000, "book/index.html": 180_000, API: 150_000, FUNCTIONS: 400_000,
    ZOO: 480_000, MEASURED: 200_000, ENGINE: 150_000, SCALE_UP: 250_000,
}  # fmt: skip

Opener = Callable[..., Visit]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_no_other_host_and_complains_of_nothing(path: str, look: Opener, site: str):
    seen = look(path)
    assert not [
        response.url for response in seen.responses if not response.url.startswith((site, "data:", "blob:"))
    ]
    assert not [f"{response.status} {response.url}" for response in seen.responses if response.status >= 400]
    assert not seen.complaints


@pytest.mark.parametrize("path", LIMITS)
def test_a_page_stays_light(path: str, look: Opener):
    assert 50_000 < look(path).weight() < LIMITS[path]


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1400, "light")])
@pytest.mark.parametrize("path", PAGES[:10])
def test_a_page_has_contrast(path: str, width: int, theme: str, look: Opener):
    """Colours go with the theme, not with the width; what else axe looks for, test_reading.py looks for on every page."""
    page = look(path, width=width).page
    page.emulate_media(color_scheme=theme)
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
    bare = page.add_style_tag(
        content="* { background-image: none !important }"
    )  # axe judges no text on a gradient
    found = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": ["color-contrast"]})
    bare.evaluate("style => style.remove()")
    page.emulate_media(color_scheme="light")
    assert not found.response["violations"], found.generate_report()


def _swatches() -> str:
    """A picture with a field for each colour of the figures, as an address."""
    kept = io.BytesIO()
    fields = np.array([[to_rgb(colour) for colour in (*COLOURS, "white")]])
    picture = Image.fromarray(np.uint8(np.rint(255 * fields)))
    picture.resize((20 * fields.shape[1], 20), Image.Resampling.NEAREST).save(kept, "PNG")
    return f"data:image/png;base64,{b64encode(kept.getvalue()).decode()}"


def _luminance(colour: np.ndarray) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("kind", [".figure-from img", ".cell_output img"])
def test_in_the_dark_a_picture_lies_on_the_pages_ground_and_keeps_its_hues(kind: str, visit: Opener):
    path = "book/saturation.html" if "figure" in kind else "notebooks/saturation.html"
    page = visit(path, theme="dark").page
    image = page.locator(f".bd-article {kind}").first
    image.evaluate(
        "(image, source) => { image.loading = 'eager'; image.src = source; image.style.width = '160px'; return image.decode(); }",
        _swatches(),
    )
    shot = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("RGB")) / 255
    wide = shot.shape[1] / (len(COLOURS) + 1)
    *seen, ground = (shot[shot.shape[0] // 2, int((i + 0.5) * wide)] for i in range(len(COLOURS) + 1))
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert np.allclose(255 * ground, [int(part) for part in re.findall(r"\d+", paper)[:3]], atol=1.5)
    for colour, shown in zip(COLOURS, seen, strict=True):
        assert (_luminance(shown) + 0.05) / (_luminance(ground) + 0.05) > 3
        before, after = rgb_to_hsv([to_rgb(colour), shown])
        assert before[1] == 0 or abs(before[0] - after[0]) < 10 / 360
    assert seen[COLOURS.index("#000000")].min() > 0.9


@pytest.mark.parametrize("path", [CHAPTER, NOTEBOOK, FUNCTIONS, ZOO])
def test_every_formula_is_typeset(path: str, look: Opener):
    page = look(path).page
    written, typeset = (
        page.locator(".math.notranslate").count(),
        page.locator(".math.notranslate math").count(),
    )
    assert typeset == written > 0
    assert not page.locator("merror, .tml-error, .math > code").count()


def test_the_pages_of_the_reference_are_listed_there_and_folded_elsewhere(look: Opener):
    entry = "nav.bd-docs-nav a[href$='functions.html']"
    assert look(FUNCTIONS, width=1400).page.locator("nav.bd-docs-nav a[href$='gaussian.html']").is_visible()
    elsewhere = look(LEDGER).page.locator(entry)
    assert elsewhere.count() == 1 and not elsewhere.is_visible()


def test_a_choice_in_the_quiz_is_answered(visit: Opener):
    page = visit(CHAPTER).page
    for question in page.locator(".quiz-question").all():
        for option in question.locator(".quiz-option").all():
            option.locator("label").click()
            right = option.get_attribute("data-right") == "true"
            feedback = question.locator(".quiz-feedback").inner_text()
            assert feedback.startswith("Right." if right else "Not quite.")
            assert len(feedback) > len("Not quite. ") + 10
            assert question.locator(".is-right:not(.quiz-feedback)").count() == right


def test_the_quiz_and_the_explorer_have_an_answer_without_scripts(visit: Opener):
    page = visit(CHAPTER, scripts=False).page
    answer = page.locator(".quiz-answer").first
    answer.locator("summary").click()
    assert answer.locator(".quiz-answer-text").is_visible()
    assert page.locator(EXPLORER).first.inner_text().strip()


@pytest.mark.parametrize("path", [CHAPTER, NOTEBOOK, "book/index.html"])
def test_the_explorer_follows_the_keyboard(path: str, visit: Opener):
    page = visit(path).page
    widget = page.locator(EXPLORER).first
    slider = widget.locator("input[type=range]:visible").first
    slider.wait_for()
    before = widget.inner_text(), slider.input_value()
    slider.press("ArrowRight")
    assert slider.input_value() != before[1]
    page.wait_for_function("([w, old]) => w.innerText !== old", arg=[widget.element_handle(), before[0]])
    assert not page.locator(".course-widget-error").count()


@pytest.mark.parametrize("path", [CHAPTER, NOTEBOOK])
def test_the_address_keeps_what_an_explorer_was_set_to(path: str, visit: Opener):
    page = visit(path).page
    widget = page.locator(EXPLORER).first
    widget.locator("[data-key=activation]").select_option("leaky_relu")
    widget.locator("[data-key=parameter]").fill("0.2")
    widget.locator("[data-stop='2']").click()
    page.wait_for_function("location.search.includes('sigma_w')")
    assert dict(parse_qsl(urlsplit(page.url).query)) == {
        "saturation.activation": "leaky_relu",
        "saturation.parameter": "0.2",
        "saturation.sigma_w": str(2**0.5),
    }
    shown = widget.locator("[data-quantity=gradient-left]").first.inner_text()
    again = visit(path + "?" + urlsplit(page.url).query).page.locator(EXPLORER).first
    again.locator("[data-stop='2'][aria-pressed=true]").wait_for()
    assert again.locator("[data-key=activation]").input_value() == "leaky_relu"
    assert again.locator("[data-quantity=gradient-left]").first.inner_text() == shown
    widget.locator("[data-key=activation]").select_option("sigmoid")
    widget.locator("[data-key=sigma_w]").fill("1")
    page.wait_for_function("!location.search")


@pytest.mark.parametrize(
    ("query", "activation", "sigma_w"),
    [
        ("saturation.activation=sigmid&saturation.sigma_w=2", "sigmoid", "1"),
        ("saturation.activation=tanh&saturation.sigma_w=4000&saturation.x=far", "tanh", "12"),
        ("other.sigma_w=4&saturation.nothing=1&lang=en", "sigmoid", "1"),
    ],
)
def test_an_address_that_makes_no_sense_does_no_harm(
    query: str, activation: str, sigma_w: str, visit: Opener
):
    seen = visit(f"{CHAPTER}?{query}")
    widget = seen.page.locator(EXPLORER).first
    widget.locator("[data-key=sigma_w]:visible").wait_for()
    assert widget.locator("[data-key=activation]").input_value() == activation
    assert widget.locator("[data-key=sigma_w]").input_value() == sigma_w
    assert seen.complaints == []


def test_the_first_pages_picture_is_one_of_its_own_and_its_address_keeps_it(visit: Opener):
    page = visit("book/index.html?first.depth=12&first.activation=relu").page
    widget = page.locator(EXPLORER)
    widget.get_by_text("12 hidden layers").wait_for()
    assert widget.locator("[data-key=activation]").input_value() == "relu"
    widget.locator("[data-key=depth]").press("ArrowRight")
    page.wait_for_function("location.search.includes('first.depth=13')")
    assert {element.get_attribute("data-picture") for element in page.locator("[data-picture]").all()} == {
        "lines"
    }


@pytest.mark.parametrize("path", [CHAPTER, NOTEBOOK])
def test_explorers_run_the_modules_that_all_pages_share(path: str, visit: Opener):
    seen = visit(path)
    asked = [re.sub(r".*/_static/activations/\w+/", "", response.url) for response in seen.responses]
    assert asked.count("chapters/saturation/explorer.js") == 1 and "widgets/core/mount.js" in asked
    assert "export default" not in seen.page.content()


def test_a_widget_that_fails_says_so_in_its_place(visit: Opener, site: str):
    page = visit(CHAPTER).page
    page.route(
        "**/saturation/explorer.js*",
        lambda route: route.fulfill(body="throw new Error('broken')", content_type="text/javascript"),
    )
    page.reload()
    page.locator(".course-widget-error").wait_for()
    assert "could not start (broken)" in page.locator(f"{EXPLORER} .course-widget-error").inner_text()


def _chapters() -> list[str]:
    """The notebooks that test claims; `scale_up` shows how and tests none."""
    return [path.stem for path in (ROOT / "notebooks").glob("*.ipynb") if path.stem != "scale_up"]


@pytest.mark.parametrize("chapter", _chapters())
def test_the_ledger_tells_what_the_notebooks_stored(chapter: str, look: Opener):
    outputs = [o for cell in _cells(ROOT / "notebooks" / f"{chapter}.ipynb") for o in cell.get("outputs", [])]
    stored = {c["id"]: c for o in outputs if (c := o.get("metadata", {}).get("claim"))}
    page = look(LEDGER).page
    rows = page.locator(f"tr[id^=ledger-{chapter}-]:has(.ledger-label)")
    assert stored and rows.count() == len(stored)
    for name, claim in stored.items():
        row = page.locator(f"#ledger-{name.replace('/', '-')}")
        assert row.locator(".verdict").inner_text() == _typeset(claim["verdict"])
        assert row.locator(f".verdict--{claim['kind']}").count() == 1
        assert row.locator(".ledger-label").all_inner_texts() == [
            _typeset(side["label"]) for side in claim["sides"]
        ]
        for shown, side in zip(row.locator(".ledger-effect").all_inner_texts(), claim["sides"], strict=True):
            assert _number(shown) == pytest.approx(
                side["effect"], rel=0.05, abs=max(1e-4, side["high"] - side["low"])
            )
    assert look(f"book/{chapter}.html").page.locator("table.ledger tbody tr").count() == len(stored)


def _cells(notebook: Path) -> list[dict]:
    return json.loads(notebook.read_text(encoding="utf8"))["cells"]


def _typeset(text: str) -> str:
    """As Sphinx sets it, with curly apostrophes."""
    return " ".join(text.split()).replace("'", "’")


def _number(shown: str) -> float:
    digits = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")
    return float(re.sub(r" × 10(?=[⁻⁰¹²³⁴⁵⁶⁷⁸⁹])", "e", shown).translate(digits))


class _Links(HTMLParser):
    """Ids and addresses of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.addresses: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key == "id" and value:
                self.ids.add(value)
            if key in ("href", "src", "data-module", "data-css") and value:
                self.addresses.add(value)


@cache
def _links(page: Path) -> _Links:
    return _Links(page.read_text(encoding="utf8"))


def test_every_internal_link_leads_somewhere():
    build()
    pages = [path for path in BOOK.rglob("*.html") if "_static" not in path.parts]
    broken = [
        f"{page.relative_to(BOOK)}: {address}"
        for page in pages
        for address in _links(page).addresses
        if not re.match(r"[a-z]+:", address) and not _exists(page, address)
    ]
    assert len(pages) >= len(PAGES)
    assert not broken


def _exists(page: Path, address: str) -> bool:
    path, fragment = urldefrag(urljoin(page.as_uri(), address))
    target = Path(unquote(path.removeprefix("file://").partition("?")[0]))
    if not target.is_file():
        return False
    return not fragment or target.suffix != ".html" or unquote(fragment) in _links(target).ids | {""}

"""A walk over the whole site: every page from a folder and under a finger, every chapter by mouse and keyboard and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from playwright.sync_api import Browser, BrowserContext, Locator, Page, TimeoutError

from browser import BOOK, EXPLORER, Visit, listening, pages, settle
from patience import HUNG

PICTURES = """() => Promise.all([...document.querySelectorAll(".bd-article img")].map(async (image) => {
  image.scrollIntoView({ block: "center" });
  image.loading = "eager";
  return image.decode().then(() => image.naturalWidth > 1 ? "" : `${image.src} is empty`, () => `${image.src} cannot be drawn`);
})).then((faults) => faults.filter(Boolean))"""
# What an explorer shows: its numbers, its sentences and its pictures, in which the controls themselves have no part.
SHOWN = """(root) => [...root.querySelectorAll("[data-quantity], [data-shows], .picture, [data-picture]")]
  .filter((part) => !part.closest("label, output")).map((part) => part.innerHTML).join()"""
CHANGED = f"([root, before]) => ({SHOWN})(root) !== before"

Press = Callable[[Locator], None]


def _listen(context: BrowserContext) -> Visit:
    seen = listening(context.new_page())
    seen.page.on("request", lambda request: seen.complaints.extend(_elsewhere(request.url)))
    return seen


def _elsewhere(address: str) -> list[str]:
    here = address.startswith((BOOK.as_uri(), "data:", "blob:", "http://127.0.0.1:"))
    return [] if here else [f"{address} was asked for"]


def _quizzes(page: Page, press: Press) -> Iterator[str]:
    """Choose a wrong option and the right one of every question, and say which gets no answer of its kind."""
    for question in page.locator(".quiz-question").all():
        for right, begins in (("false", "Not quite."), ("true", "Right.")):
            option = question.locator(f".quiz-option[data-right={right}]").first
            press(option.locator("label"))
            said = question.locator(".quiz-feedback").inner_text()
            if not (option.locator("input").is_checked() and said.startswith(begins)):
                yield f"“{option.inner_text()}” in the quiz is answered by “{said}”"


def _predictions(page: Page, press: Press) -> Iterator[str]:
    """Commit to something at every prediction, and say where it is not heard."""
    for form in page.locator(".course-widget .predict-form").all():
        number = form.locator("input[type=number]")
        if number.count():
            number.fill(number.get_attribute("min") or "1")
        else:
            press(form.locator("label").last)
        press(form.get_by_role("button", name="Commit"))
        said = form.get_by_role("status").inner_text()
        if not said.startswith("You said: "):
            yield f"the prediction “{form.inner_text()[:60]}” is answered by “{said}”"


def _moves(explorer: Locator, what: str, act: Callable[[], None]) -> Iterator[str]:
    """Do something to an explorer, and say so where it shows what it showed before."""
    before = explorer.evaluate(SHOWN)
    act()
    try:
        explorer.page.wait_for_function(
            CHANGED, arg=[explorer.element_handle(), before], timeout=1000 * HUNG / 10
        )
    except TimeoutError:
        yield f"{what} changes nothing that the explorer shows"


def _along(slider: Locator, place: Callable[[float, float], None]) -> Callable[[], None]:
    """Touch a slider's track at the side where its handle is not."""

    def act() -> None:
        slider.scroll_into_view_if_needed()
        share = slider.evaluate("s => (s.value - s.min) / (s.max - s.min)")
        box = slider.bounding_box()
        assert box is not None
        place(box["x"] + box["width"] * (0.3 if share > 0.5 else 0.7), box["y"] + box["height"] / 2)

    return act


def _explorers(page: Page, place: Callable[[float, float], None], press: Press) -> Iterator[str]:
    """Move every slider, choose in every list and press every button of every explorer."""
    for explorer in page.locator(EXPLORER).all():
        for choice in explorer.locator("select").all():
            name = choice.get_attribute("data-key")
            options = choice.locator("option").count()
            after = (choice.evaluate("c => c.selectedIndex") + 1) % options
            yield from _moves(
                explorer, f"the choice {name}", lambda c=choice, i=after: c.select_option(index=i)
            )
        for slider in explorer.locator("input[type=range]:visible:enabled").all():
            name = slider.get_attribute("data-key")
            yield from _moves(explorer, f"the slider {name}", _along(slider, place))
            key = "ArrowLeft" if slider.evaluate("s => s.value > (+s.min + +s.max) / 2") else "ArrowRight"
            yield from _moves(explorer, f"{key} on {name}", lambda s=slider, k=key: s.press(k))
        for button in explorer.locator("button[data-stop]").all():
            press(button)
            page.evaluate(
                "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            if button.get_attribute("aria-pressed") != "true":
                yield f"the button “{button.inner_text()}” is not pressed when it has been"


def test_every_page_of_a_folder_is_whole_under_a_finger(browser: Browser):
    """No address but the folder's, no word in the console, every picture drawn, everything that asks for a touch answers."""
    everything = pages()
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme="dark"
    )
    faults, seen = {}, _listen(context)
    for path in everything:
        seen.complaints.clear()
        seen.page.goto(f"{BOOK.as_uri()}/{path}")
        settle(seen.page)
        found = [*seen.page.evaluate(PICTURES)]
        found += _quizzes(seen.page, Locator.tap)
        found += _predictions(seen.page, Locator.tap)
        found += _explorers(seen.page, seen.page.touchscreen.tap, Locator.tap)
        if wrong := found + seen.complaints:
            faults[path] = wrong
    context.close()
    assert not faults


def _alive(path: str) -> bool:
    html = (BOOK / path).read_text(encoding="utf8")
    return 'class="course-widget"' in html or 'class="quiz"' in html


def test_every_page_that_answers_does_so_by_mouse_and_keyboard_and_is_found_as_it_was_left(
    site: str, browser: Browser
):
    """Whoever follows a link and comes back finds the explorers as they were set, and going forward is the link again."""
    walked = [path for path in pages() if _alive(path)]
    assert len(walked) > 12
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    faults, seen = {}, _listen(context)
    page = seen.page
    for path in walked:
        seen.complaints.clear()
        page.goto(site + path)
        settle(page)
        found = [*_quizzes(page, Locator.click), *_predictions(page, Locator.click)]
        found += _explorers(page, page.mouse.click, Locator.click)
        found += _back_and_forward(page)
        if wrong := found + seen.complaints:
            faults[path] = wrong
    context.close()
    assert not faults


SETTINGS = f"""() => [...document.querySelectorAll("{EXPLORER} [data-key]")].map((control) => `${{control.dataset.key}}=${{control.value}}`)"""


def _back_and_forward(page: Page) -> Iterator[str]:
    """Leave the page by its link to the next or the last one when its address has kept what is set, come back, and go on."""
    for explorer in page.locator(EXPLORER).all():
        before, slider = page.url, explorer.locator("input[type=range]:visible:enabled").first
        slider.press("ArrowLeft" if slider.evaluate("s => s.value > (+s.min + +s.max) / 2") else "ArrowRight")
        page.wait_for_function("before => location.href !== before", arg=before)
    left, settings = page.url, page.evaluate(SETTINGS)
    page.locator("a.right-next, a.left-prev").first.click()
    page.wait_for_function("left => location.href !== left", arg=left)
    settle(page)
    there = page.url
    page.go_back()
    settle(page)
    if (page.url, again := page.evaluate(SETTINGS)) != (left, settings):
        yield f"coming back from {there} shows {page.url} with {again}, and {left} with {settings} was left"
    page.go_forward()
    settle(page)
    if page.url != there:
        yield f"going forward leads to {page.url}, and not to {there}"

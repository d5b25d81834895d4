"""The ledger: every claim with its source, effect, interval and verdict, generated from the notebooks' stored outputs.

Gives the directives `ledger` (all chapters) and `measured` (one chapter), and the roles `verdict` and `effect`.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from activations.words import number, with_error
from course.intervals import drawing
from course.links import link, notebooks
from course.register import Entry, Register, register
from course.stored import Claim, Side, all_claims
from course.units import SPACE, counted

logger = logging.getLogger(__name__)
LEDGER = "book/ledger"
REGISTER = "notebooks/claims.toml"
TITLE = re.compile(r"^# (.+?)\s*(?:\{.*\})?$", re.MULTILINE)


def stored_claims(env: BuildEnvironment) -> dict[str, Claim]:
    """Every claim by id; the page that asks is written anew when a notebook changes.

    Raises:
        ValueError: a claim is malformed, or two share an id.
    """
    paths = [Path(env.doc2path(name)) for name in notebooks(env)]
    for path in paths:
        env.note_dependency(str(path))
    return all_claims(paths)


def registered(env: BuildEnvironment) -> Register:
    """The register, empty where the book has none; the page that asks is written anew when it changes.

    Raises:
        ValueError: an entry is malformed.
    """
    path = Path(env.srcdir, REGISTER)
    env.note_dependency(str(path))
    return register(path) if path.is_file() else Register({}, {})


class Rows(SphinxDirective):
    """What the two directives share: a table of claims."""

    def claims(self) -> dict[str, Claim]:
        """Every claim by id, or none and a warning."""
        try:
            return stored_claims(self.env)
        except ValueError as problem:
            logger.warning("ledger: %s", problem, location=self.get_location(), type="course")
            return {}

    def register(self) -> Register:
        """The register, or an empty one and a warning."""
        try:
            return registered(self.env)
        except ValueError as problem:
            logger.warning("ledger: %s", problem, location=self.get_location(), type="course")
            return Register({}, {})

    def table(self, claims: list[Claim | Entry], known: Register, named: bool) -> nodes.table:
        """One row a claim; rows are named in the ledger alone, which the verdicts in the text refer to."""
        head = nodes.row(
            "", *(_entry(nodes.paragraph("", text)) for text in ("Claim", "Measured", "Verdict"))
        )
        rows = [self._row(claim, known, named) for claim in claims]
        group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in (36, 40, 24)), cols=3)
        group += [nodes.thead("", head), nodes.tbody("", *rows)]
        return nodes.table("", group, classes=["ledger"])

    def _row(self, claim: Claim | Entry, known: Register, named: bool) -> nodes.row:
        entry = known.entries.get(claim.id)
        statement = self._statement(claim, entry.section if entry else "")
        if isinstance(claim, Entry):
            why = f"{claim.withdrawn} It was: {claim.verdict}." if claim.withdrawn else "–"
            word = nodes.inline("", claim.state, classes=["verdict-word"])
            badge = nodes.inline("", "", word, classes=["verdict", "verdict--undecided"])
            cells = [statement, [self._paragraph(why, "note")], [nodes.paragraph("", "", badge)]]
        else:
            cells = [statement, [_measured(claim)], [_verdict(claim)]]
        return nodes.row("", *(_entry(*cell) for cell in cells), ids=[claim.row] if named else [])

    def _statement(self, claim: Claim | Entry, section: str) -> list[nodes.Node]:
        bound = counted(number(claim.threshold), claim.unit)
        notes = [f"*Threshold:* {claim.direction} {bound}."]
        place = f", section {section}" if section else ""
        notes += [f"*Source:* {{cite:t}}`{claim.source}`{place}."] if claim.source else []
        notes += [claim.remark] if isinstance(claim, Claim) and claim.remark else []
        notes += [f"*Measured on:* {claim.machine}."] if isinstance(claim, Claim) and claim.machine else []
        return [self._paragraph(claim.statement, "statement"), self._paragraph(" ".join(notes), "note")]

    def _paragraph(self, text: str, role: str) -> nodes.paragraph:
        parsed, messages = self.parse_inline(text, lineno=self.lineno)
        return nodes.paragraph("", "", *parsed, *messages, classes=[f"ledger-{role}"])


def _entry(*content: nodes.Node) -> nodes.entry:
    return nodes.entry("", *content)


def _measured(claim: Claim) -> nodes.bullet_list:
    items = (_side(claim, side) for side in claim.sides)
    return nodes.bullet_list("", *items, classes=["ledger-sides"])


def _side(claim: Claim, side: Side) -> nodes.list_item:
    picture = nodes.raw("", drawing(claim, side), format="html")
    label = nodes.inline("", side.label, classes=["ledger-label"])
    effect = nodes.inline("", number(side.effect, side.low, side.high), classes=["ledger-effect"])
    gap = SPACE if side.low == side.high else " "
    value = nodes.inline("", "", effect, nodes.Text(gap + _spread(claim, side)), classes=["ledger-value"])
    return nodes.list_item("", nodes.paragraph("", "", label, picture, nodes.Text(" "), value))


def _spread(claim: Claim, side: Side) -> str:
    """The interval, the unit and the number of runs; what belongs together stays on one line."""
    if side.low == side.high:
        how = "exact" if side.n == 1 else f"the same for all {side.n}"
        return f"{counted(number(side.effect), claim.unit).partition(SPACE)[2]} ({how})".strip()
    ends = (number(end, side.low, side.high) for end in (side.low, side.high))
    return counted(f"[{f',{SPACE}'.join(ends)}]", claim.unit) + f", n{SPACE}={SPACE}{side.n}"


def _verdict(claim: Claim) -> nodes.paragraph:
    word, comma, condition = claim.verdict.partition(", if ")
    badge = nodes.inline("", "", classes=["verdict", f"verdict--{claim.kind}"])
    badge += nodes.inline("", f"{word}{comma}".rstrip(), classes=["verdict-word"])
    badge += nodes.Text(f" {condition}") if condition else []
    cell = link(f"the cell for {claim.slug}", f"notebooks/{claim.chapter}", claim.card, "ledger-cell")
    return nodes.paragraph("", "", badge, nodes.Text(" "), cell)


class Ledger(Rows):
    """`ledger`: every chapter's claims, chapter by chapter."""

    def run(self) -> list[nodes.Node]:
        """A section a chapter."""
        tested, known = self.claims(), self.register()
        if known.entries:
            for fault in known.faults(tested):
                logger.warning("ledger: %s", fault, location=self.get_location(), type="course")
        chapters: dict[str, list[Claim | Entry]] = {}
        waiting = [entry for name, entry in known.entries.items() if name not in tested]
        claims: list[Claim | Entry] = [*tested.values(), *waiting]
        for claim in claims:
            chapters.setdefault(claim.chapter, []).append(claim)
        places = nodes.paragraph(classes=["ledger-places"])
        for chapter in chapters:
            places += [nodes.Text(" · ")] if places.children else []
            places += nodes.reference("", self._title(chapter), refid=f"chapter-{chapter}", internal=True)
        return [places, *(self._section(chapter, claims, known) for chapter, claims in chapters.items())]

    def _title(self, chapter: str) -> str:
        """What the chapter's page is called."""
        page = Path(self.env.srcdir, "book", f"{chapter}.md")
        self.env.note_dependency(str(page))
        found = TITLE.search(page.read_text(encoding="utf8")) if page.is_file() else None
        return found[1] if found else chapter.capitalize()

    def _section(self, chapter: str, claims: list[Claim | Entry], known: Register) -> nodes.section:
        title = nodes.title("", self._title(chapter))
        notes = [self._paragraph(known.notes[chapter], "register")] if chapter in known.notes else []
        table = self.table(claims, known, named=True)
        return nodes.section("", title, *notes, table, ids=[f"chapter-{chapter}"], names=[])


class Measured(Rows):
    """`measured` chapter: what one chapter measured."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The chapter's table, or nothing and a warning."""
        chapter = self.arguments[0]
        claims: list[Claim | Entry] = [claim for claim in self.claims().values() if claim.chapter == chapter]
        if not claims:
            logger.warning(
                "measured: no stored claim of the chapter %s",
                chapter,
                location=self.get_location(),
                type="course",
            )
            return []
        return [self.table(claims, self.register(), named=False)]


class FromClaim(SphinxRole):
    """What the two roles share: a claim looked up, or the text as it stands and a warning."""

    def shown(self, claims: dict[str, Claim]) -> nodes.Node:
        """What stands in the sentence; a KeyError says what is not there."""
        raise NotImplementedError

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The node, or the text alone and a warning."""
        try:
            return [self.shown(stored_claims(self.env))], []
        except KeyError as missing:
            logger.warning(
                "%s: there is no %s", self.name, missing.args[0], location=self.get_location(), type="course"
            )
        except ValueError as problem:
            logger.warning("%s: %s", self.name, problem, location=self.get_location(), type="course")
        return [nodes.literal("", self.text)], []


class Verdict(FromClaim):
    """`verdict` chapter/claim: the verdict in words, linked to its row in the ledger."""

    def shown(self, claims: dict[str, Claim]) -> nodes.Node:
        """The link."""
        if self.text not in claims:
            raise KeyError(f"claim called {self.text}")
        claim = claims[self.text]
        return link(claim.verdict, LEDGER, claim.row, "verdict", f"verdict--{claim.kind}")


class Effect(FromClaim):
    """`effect` chapter/claim|label: what was measured for one side, with its 95 % interval."""

    def shown(self, claims: dict[str, Claim]) -> nodes.Node:
        """The number, as "10.4 ± 1.6"."""
        name, _, label = self.text.partition("|")
        sides = {side.label: side for side in claims[name].sides} if name in claims else {}
        if label not in sides:
            raise KeyError(f"claim called {name}" if name not in claims else f"side {label!r} of {name}")
        side = sides[label]
        return nodes.inline("", with_error(side.effect, side.low, side.high), classes=["effect"])


def setup(app: Sphinx) -> None:
    """Register the directives and the roles."""
    app.add_directive("ledger", Ledger)
    app.add_directive("measured", Measured)
    app.add_role("verdict", Verdict())
    app.add_role("effect", Effect())

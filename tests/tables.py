"""An HTML table beside the plain text that pandas prints of it."""

import re
from html.parser import HTMLParser


class Table(HTMLParser):
    """The cells of an HTML table, row by row, and which of them are heads; and what hides or adds something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.beside, self.hiding, self.inside = "", "", [""]
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in ("div", "style", "table", "thead", "tbody", "tr", "th", "td", "p", "caption"):
            self.hiding += f"<{tag}> "
        self.hiding += " ".join(
            f"{name}={value}" for name, value in attrs
            if name in ("hidden", "style") and value != "text-align: right;"
        )  # fmt: skip

    def handle_endtag(self, tag: str) -> None:
        while len(self.inside) > 1 and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.inside[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        elif self.inside[-1] == "style":
            self.hiding += " ".join(re.findall(r"display|visibility|content|opacity|font-size|color", data))
        else:
            self.beside += data


def unwrapped(text: str, head: list[str]) -> list[str]:
    """The lines of a printed table, of which pandas prints the columns that do not fit in a block below."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    lines = [line.removesuffix("\\") for line in blocks[0]]
    for block in blocks[1:]:
        for at, line in enumerate(block[: len(lines)]):
            index = re.escape(head[at]) if at < len(head) else ""
            lines[at] += " " + re.sub(rf"^\s*{index}(?=\s|$)", "", line.removesuffix("\\"))
    return lines

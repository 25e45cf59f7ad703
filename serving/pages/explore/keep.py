"""Keep a question: a figure of the user's own, put at the end of a dashboard of the user's own; and undo it."""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from serving.dashboards import Library, begin, read_dashboard
from serving.figures import FigureError
from serving.figures.figure import read_figure
from serving.pages.explore.answer import EMPTY, escaped, figure_of

MOST_UNDONE = 100
MOST_NAME = 60
# of the twelve columns of a dashboard
WIDTH = 6
# what a dashboard's filters say where a figure leaves it open
FOLLOWED = ("app", "date_from", "date_to")


@dataclass(frozen=True)
class Kept:
    """What was written: the figure, the dashboard, and each file as it was before (None: not there) and is now."""

    figure: str
    dashboard: str
    files: tuple[tuple[Path, bytes | None, bytes], ...]


class Keeper:
    """Writes what is kept into a home, and remembers how it was before."""

    def __init__(self, home: Path) -> None:
        self._home, self._lock = home, threading.Lock()
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def own(self, library: Library) -> list[tuple[str, str]]:
        """The dashboards that lie in the home, by name and title."""
        folder = self._home / "dashboards"
        return [(one.name, one.title) for one in library.chosen([]) if (folder / f"{one.name}.yml").exists()]

    def find(self, token: str) -> Kept | None:
        """What was kept under a token, as long as it can be undone."""
        return self._kept.get(token)

    def keep(self, library: Library, question: dict[str, Any], title: str, dashboard: str, *, follows: bool) -> str:
        """Write a figure and add it to a dashboard, which is begun where there is none; return the token to undo it.

        Args:
            library: all dashboards and figures, whose names are taken.
            question: what is asked.
            title: of the figure.
            dashboard: the name of one of the user's own, or the title of a new one.
            follows: whether the figure is of its dashboard's app and dates, or of those that it was asked of.

        Raises:
            FigureError: when the title or the dashboard cannot be.
        """
        title = " ".join(title.split())
        if len(title) < 3:
            raise FigureError("Give the figure a title of three letters or more.")
        if not dashboard.strip():
            raise FigureError("Say in which dashboard it is kept, or how a new one is called.")
        with self._lock:
            name = _free(_slug(title) or "question", {*library.figures})
            file = self._home / "dashboards" / "figures" / f"{name}.yml"
            board = dashboard if dashboard in library.dashboards else _slug(dashboard)
            path = self._home / "dashboards" / f"{board}.yml"
            if board in library.dashboards and not path.exists():
                raise FigureError(
                    f"The dashboard {board!r} is one of Footfall's own, which a later version replaces. Name another: "
                    "`footfall dashboards new` begins one."
                )
            before = path.read_bytes() if path.exists() else None
            file.parent.mkdir(parents=True, exist_ok=True)
            placed = f"{{figure: {name}, width: {WIDTH}}}"
            written: list[tuple[Path, bytes | None]] = []
            try:
                written.append((file, None))
                _write(file, figure_text(question, title, follows=follows))
                read_figure(file)
                written.append((path, before))
                if before is None:
                    begin(self._home, board, " ".join(dashboard.split()), [placed])
                else:
                    _write(path, with_figure(before.decode("utf-8"), placed))
                read_dashboard(path, {**library.figures, name: read_figure(file)})
            except Exception:
                for one, was in reversed(written):
                    _put_back(one, was)
                raise
            files = tuple((one, was, one.read_bytes()) for one, was in written)
            token = secrets.token_urlsafe(12)
            self._kept[token] = Kept(name, board, files)
            while len(self._kept) > MOST_UNDONE:
                self._kept.popitem(last=False)
            return token

    def undo(self, token: str) -> Kept:
        """Put the files back as they were before.

        Raises:
            FigureError: when it was undone already, or somebody has changed a file since.
        """
        with self._lock:
            kept = self._kept.get(token)
            if kept is None:
                raise FigureError("This was undone already, or kept before the server was started.")
            for path, _, after in kept.files:
                if not path.exists() or path.read_bytes() != after:
                    raise FigureError(f"{path} was changed since; take the figure {kept.figure!r} out of it by hand.")
            for path, before, _ in reversed(kept.files):
                _put_back(path, before)
            del self._kept[token]
            return kept


def figure_text(question: Mapping[str, Any], title: str, *, follows: bool) -> str:
    """The file of a figure that asks a question."""
    # what is open is said, lest the dashboard's dates fill it in
    dates = {} if follows else {key: question.get(key) for key in FOLLOWED[1:]}
    asked = {**{key: value for key, value in question.items() if not (follows and key in FOLLOWED)}, **dates}
    said = {
        "title": title,
        "question": escaped(asked),
        "definition": figure_of(question, title).definition,
        "empty": EMPTY,
    }
    head = "# yaml-language-server: $schema=../figure.schema.json\n"
    return head + yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=120)


def with_figure(text: str, placed: str) -> str:
    """A dashboard's file with one more figure at the end of its list, and nothing else of it changed.

    Raises:
        FigureError: when the list cannot be found in it.
    """
    root = yaml.compose(text, yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    figures = next((value for key, value in pairs if key.value == "figures"), None)
    if not isinstance(figures, yaml.SequenceNode) or not figures.value:
        raise FigureError("The dashboard has no list `figures:` to which one more can be added.")
    last = figures.value[-1].end_mark.index
    if figures.flow_style:
        made = f"{text[:last]}, {placed}{text[last:]}"
    else:
        # a block that ends with a line break has its mark behind it
        last = len(text[:last].rstrip())
        end = text.find("\n", last)
        end = len(text) if end < 0 else end
        indent = " " * figures.start_mark.column
        made = f"{text[:end]}\n{indent}- {placed}{text[end:]}"
    before, after = yaml.safe_load(text), yaml.safe_load(made)
    if after != {**before, "figures": [*before["figures"], yaml.safe_load(placed)]}:
        raise FigureError("The dashboard's file is written in a way that cannot be added to: add the figure by hand.")
    return made


def _write(path: Path, text: str) -> None:
    _replace(path, lambda fresh: fresh.write_text(text, encoding="utf-8"))


def _put_back(path: Path, before: bytes | None) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    else:
        _replace(path, lambda fresh: fresh.write_bytes(before))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    write(fresh)
    fresh.replace(path)


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", title.casefold()).strip("_0123456789")[:MOST_NAME].strip("_")


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    return next(f"{name}_{number}" for number in range(2, len(taken) + 3) if f"{name}_{number}" not in taken)


def as_text(question: Mapping[str, Any]) -> str:
    """A question as somebody reads and writes it."""
    return json.dumps(question, ensure_ascii=False, indent=2)

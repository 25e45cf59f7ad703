"""Explore: a form for every kind of question, its answer as chart and table, and what one may do with it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import anyio.from_thread
import duckdb
import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from serving.access import AccessError
from serving.ask import AskError, read_question
from serving.ask.kinds import KINDS
from serving.ask.settings import built_with
from serving.ask.vocabulary import nearest
from serving.drawing.numbers import title_of
from serving.figures import FigureError
from serving.pages.asked import DEFAULT, RANGES, Asked
from serving.pages.explore.answer import (
    TITLES,
    answer_of,
    command,
    compact,
    starting,
    title_of_question,
)
from serving.pages.explore.form import Form, Tree, done, form_of, singular, tree_of, tree_of_pairs
from serving.pages.explore.keep import Keeper, as_text
from serving.pages.explore.names import names_of, values_of
from serving.pages.site import HEADERS, Entry, Site, Visit, csv_of, posted
from serving.running import Awaited, Running, too_long
from serving.settings import ApiSettings

FOLDER = Path(__file__).parent
FIRST = "trends"
# names of a form that are none of a question's keys
OURS = ("kind", "do", "ask", "question", "kept")
MOST_BYTES = 200_000
# the ranges that stand beside the fields of days
OFFERED = ("7d", "30d", "90d", "12m", "year", "all")


def routes(site: Site) -> list[BaseRoute]:
    """The routes of Explore."""
    explore = Explore(site)
    seconds = explore.seconds
    site.assets.add("explore.js", FOLDER / "explore.js")
    site.assets.add("explore.css", FOLDER / "explore.css")
    site.templates.filters |= {"suggestion": suggestion, "singular": singular, "title_of": title_of}
    site.templates.globals["presets"] = {name: RANGES[name].removeprefix("Last ") for name in OFFERED}
    site.templates.tests["day_only"] = lambda text: len(text) == len("2026-01-31")
    site.entries.append(Entry("Explore", "/explore", place=900))
    return [
        given_up(site.page("/explore", explore.page), seconds),
        site.page("/explore/form", explore.form),
        given_up(site.page("/explore/answer", explore.answer), seconds),
        given_up(site.page("/explore/answer.csv", explore.csv), seconds),
        site.page("/explore/values", explore.values),
        site.page("/explore/keep", explore.keep, methods=("POST",)),
        site.page("/explore/undo", explore.undo, methods=("POST",)),
    ]


def suggestion(fault: str) -> str:
    """The name that a fault suggests in the place of a wrong one, if any."""
    found = re.search(r"; did you mean `(.+?)`\?", fault)
    return found[1] if found else ""


@dataclass
class Draft:
    """A question as somebody is asking it: its form, and the question itself."""

    form: Form

    @property
    def question(self) -> dict[str, Any]:
        """The question, as far as it can be read."""
        return self.form.question

    @property
    def address(self) -> str:
        """Where it can be seen."""
        return f"/explore?{urlencode({'question': compact(self.question)})}"


def given_up(route: BaseRoute, seconds: float) -> BaseRoute:
    """The same route, whose query ends when its reader goes away or takes the question back, or after so long."""
    assert isinstance(route, Route)
    answer = route.endpoint

    async def endpoint(request: Request) -> Response:
        def begin(running: Running) -> Awaitable[Response]:
            request.state.running = running
            return run_in_threadpool(answer, request)

        return await Awaited(begin, seconds).result(request)

    return Route(route.path, endpoint)


class Explore:
    """The pages of questions."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.seconds = ApiSettings().answer_seconds  # type: ignore[call-arg]
        self.keeper = Keeper(site.home)

    # ---- pages

    def page(self, visit: Visit) -> Response:
        """The form, and with `ask` the answer, for who has no scripts."""
        query = visit.request.query_params
        draft = self._draft(visit)
        answer = None
        is_asked = "ask" in query and draft.form.is_sound
        if is_asked:
            answer = self._answer(visit, draft)
        kept = self.keeper.find(query.get("kept", ""))
        whole_at = None if "ask" in query else f"{draft.address}&ask=1"
        return self.site.html(
            visit,
            "pages/explore/explore.html.jinja",
            **self._shown(visit, draft, with_values=is_asked),
            kinds=self._kinds(visit, draft),
            answer=answer,
            whole_at=whole_at if draft.form.is_sound else None,
            kept=kept,
            kept_token=query.get("kept", ""),
        )

    def form(self, visit: Visit) -> Response:
        """The form of what somebody has changed it to, with its JSON and all that is made of that."""
        return self._told(visit, self._draft(visit))

    def answer(self, visit: Visit) -> Response:
        """The answer as a figure; a question that cannot be asked gives its form back, with what is wrong in it."""
        draft = self._draft(visit)
        text = self._answer(visit, draft) if draft.form.is_sound else None
        if text is None:
            return self._told(visit, draft)
        return Response(text, headers=HEADERS, media_type="text/html; charset=utf-8")

    def csv(self, visit: Visit) -> Response:
        """All rows of the answer."""
        draft = self._draft(visit)
        try:
            source = visit.source
            with self._running(visit).of(source.connection):
                answer = source.ask(draft.question)
        except AskError as error:
            raise FigureError(str(error)) from error
        except duckdb.InterruptException:
            if self._running(visit).is_late:
                raise FigureError(self._too_long) from None
            return Response(status_code=499)
        return csv_of(draft.form.kind, answer.as_csv())

    def values(self, visit: Visit) -> Response:
        """The frequent values of a key."""
        query = visit.request.query_params
        app = query.get("app_of_names") or visit.snapshot.app
        found = values_of(visit.snapshot, query.get("key", ""), query.get("event"), app)
        return Response(orjson.dumps(found), headers=HEADERS, media_type="application/json")

    def keep(self, visit: Visit) -> Response:
        """Keep a question in a dashboard."""
        said = self._posted(visit)
        question = self._sound(visit, said.get("question", ""))
        token = self.keeper.keep(
            visit.library,
            question,
            said.get("title", ""),
            said.get("new") or said.get("dashboard", ""),
            follows=said.get("follows") == "1",
        )
        query = {"question": compact(question), "ask": "1", "kept": token}
        return RedirectResponse(f"/explore?{urlencode(query)}", 303)

    def undo(self, visit: Visit) -> Response:
        """Take back what was kept."""
        said = self._posted(visit)
        kept = self.keeper.undo(said.get("token", ""))
        question = self._sound(visit, said.get("question", ""))
        query = {"question": compact(question), "ask": "1", "undone": kept.figure}
        return RedirectResponse(f"/explore?{urlencode(query)}", 303)

    # ---- what they are made of

    def _draft(self, visit: Visit) -> Draft:
        """The question of a request: as JSON, as the fields of the form, or one to begin with."""
        query, settings = visit.request.query_params, visit.source.settings
        fault = None
        if text := query.get("question"):
            try:
                question = json.loads(text)
                if not isinstance(question, dict):
                    raise ValueError("a question is one JSON object")
                # half a character, which JSON can spell, is in no address and no page
                compact(question).encode()
            except (ValueError, RecursionError) as error:
                question, fault = {}, f"This is no JSON of a question: {error}."
            kind = question.get("kind")
            if fault is None and (not isinstance(kind, str) or kind not in KINDS):
                fault = f"`kind` is {json.dumps(kind)}{nearest(str(kind), KINDS)} Legal kinds: {', '.join(KINDS)}."
            if fault is not None:
                question = self._starting(visit, FIRST, {})
            draft = self._draft_of(question, settings)
        elif (kind := query.get("kind")) in KINDS:
            pairs = [(name, value) for name, value in parse_qsl(visit.request.url.query, keep_blank_values=True)]
            tree = tree_of_pairs((name, value) for name, value in pairs if name not in OURS)
            verb, _, name = query.get("do", "").partition(":")
            if verb == "range":
                tree |= self._days(visit, tree, name)
            focus = done(tree, query["do"]) if verb not in ("", "range") else ""
            draft = Draft(form_of(str(kind), tree, settings, focus))
        else:
            draft = self._draft_of(self._starting(visit, FIRST, {}), settings)
        if fault is not None:
            draft.form.faults.append(fault)
            return draft
        try:
            with built_with(settings):
                read_question(draft.question)
        except AskError as error:
            draft.form.mark(error.faults)
        return draft

    def _days(self, visit: Visit, tree: Tree, name: str) -> Tree:
        """The fields of days by one of the pages' ranges; the last day of the data is left open, and so moves on."""
        source, said = visit.source, tree.get("app")
        app = next((one for one in said if one in source.apps), None) if isinstance(said, list) else None
        filters, data = Asked(app, name if name in RANGES else DEFAULT).filters(source), source.data_of(app)
        if data is None or name == "all":
            return {"date_from": [""], "date_to": [""]}
        last = "" if filters.date_to == data.last_day else filters.date_to.isoformat()
        return {"date_from": [filters.date_from.isoformat()], "date_to": [last]}

    def _draft_of(self, question: dict[str, Any], settings: Mapping[str, Any]) -> Draft:
        kind = question["kind"]
        return Draft(form_of(kind, tree_of(kind, question, settings), settings))

    def _starting(self, visit: Visit, kind: str, carried: Mapping[str, Any]) -> dict[str, Any]:
        names = names_of(visit.snapshot)
        app = carried.get("app") or visit.asked.app
        return starting(kind, visit.source, names.event_names, {**carried, **({"app": app} if app else {})})

    def _answer(self, visit: Visit, draft: Draft) -> str | None:
        """The answer as HTML, or None where the form says by now what is wrong."""
        source = visit.source
        try:
            with self._running(visit).of(source.connection):
                filled, view = answer_of(draft.question, source)
        except AskError as error:
            draft.form.mark(error.faults)
            return None
        except duckdb.InterruptException:
            visit.failed()
            if self._running(visit).is_late:
                draft.form.faults.append(self._too_long)
                return None
            return ""
        except duckdb.Error as error:
            visit.failed()
            draft.form.faults.append(f"This could not be answered: {error}")
            return None
        macros: Any = self.site.templates.get_template("pages/explore/answer.html.jinja").module
        csv = f"/explore/answer.csv?{urlencode({'question': compact(draft.question)})}"
        text: str = macros.answer(view, filled.warnings, csv)
        return text

    def _running(self, visit: Visit) -> Running:
        running: Running = visit.request.state.running
        return running

    @property
    def _too_long(self) -> str:
        return " ".join(too_long(self.seconds))

    def _told(self, visit: Visit, draft: Draft) -> Response:
        """What a script puts into the page: the form, and what is made of its question."""
        macros: Any = self.site.templates.get_template("pages/explore/fields.html.jinja").module
        shown = self._shown(visit, draft)
        told = {
            "kind": draft.form.kind,
            "question": compact(draft.question),
            "json": shown["text"],
            "command": shown["command"],
            "address": draft.address,
            "title": shown["title"],
            "is_sound": draft.form.is_sound,
            "focus": draft.form.focus,
            "form": macros.form(draft.form, shown["suggested"], shown["values"]),
        }
        return Response(orjson.dumps(told), headers=HEADERS, media_type="application/json")

    def _shown(self, visit: Visit, draft: Draft, *, with_values: bool = False) -> dict[str, Any]:
        names = names_of(visit.snapshot)
        app = draft.question.get("app")
        app = app if isinstance(app, str) else visit.snapshot.app
        values: dict[tuple[str, str], list[str]] = {}
        if with_values:
            for row in (one for top in draft.form.fields for one in top.every() if one.widget == "condition"):
                place = (row.of_event or "", row.values[0])
                values[place] = values_of(visit.snapshot, place[1], place[0], app)
        return {
            "form": draft.form,
            "question": compact(draft.question),
            "text": as_text(draft.question),
            "command": command(draft.question),
            "address": draft.address,
            "title": title_of_question(draft.question) if draft.form.is_sound else TITLES[draft.form.kind][0],
            "suggested": lambda kind, event=None: names.suggested(kind, event, app),
            "values": values,
            "own": self.keeper.own(visit.library) if visit.reader.is_admin else None,
            "undone": visit.request.query_params.get("undone", ""),
        }

    def _kinds(self, visit: Visit, draft: Draft) -> list[tuple[str, str, str, str]]:
        """The kinds: name, title, what it answers, and where it begins, of what is asked of now."""
        found = []
        carried = {} if draft.form.faults else draft.question
        if not isinstance(carried.get("app"), str | None):
            carried = {key: value for key, value in carried.items() if key != "app"}
        for kind, (title, about) in TITLES.items():
            question = self._starting(visit, kind, carried)
            found.append((kind, title, about, f"/explore?{urlencode({'question': compact(question)})}"))
        return found

    def _posted(self, visit: Visit) -> dict[str, str]:
        """What a form of ours posts, by who may change something here.

        A post of another site has been refused by its origin before this; one that says none comes of no page.
        """
        try:
            visit.reader.must_be_admin()
        except AccessError as error:
            raise FigureError(str(error)) from error
        body: bytes = anyio.from_thread.run(visit.request.body)
        if len(body) > MOST_BYTES:
            raise FigureError("This is too long to be kept.")
        return posted(body)

    def _sound(self, visit: Visit, text: str) -> dict[str, Any]:
        """A posted question; raise FigureError where it is none."""
        try:
            question = json.loads(text)
            with built_with(visit.source.settings):
                read_question(question)
        except (ValueError, RecursionError) as error:
            raise FigureError(f"This question cannot be kept: {error}") from error
        found: dict[str, Any] = question
        return found


__all__ = ["routes"]

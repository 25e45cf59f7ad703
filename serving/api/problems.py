"""Errors as RFC 9457 problem details, which name the field, the fault and the mend."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from serving.ask import AskError
from serving.ask.vocabulary import Fault

MEND = re.compile(r"(.*?)[.;:] ((?:did you mean|Legal|Exchange|Write|Run|name|give|make|use|set|leave|Set) .*)")
MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
SEE = "`GET /openapi.json` describes every route, `GET /api/v1/analytics/schema` every question."


class Problem(Exception):
    """A request that cannot be answered.

    Attributes:
        status: of the HTTP answer.
        faults: for each the field (null: none in particular), the fault and the mend.
    """

    def __init__(self, status: int, fault: str, mend: str = "", field: str | None = None) -> None:
        super().__init__(fault)
        self.status = status
        self.faults = [{"field": field, "fault": fault, "mend": mend}]

    @classmethod
    def of_question(cls, error: AskError, status: int = 422) -> Problem:
        """What is wrong with a question: each fault with its place in it."""
        problem = cls(status, str(error))
        problem.faults = [_told(fault) for fault in error.faults]
        return problem

    @classmethod
    def of_request(cls, error: RequestValidationError) -> Problem:
        """What is wrong with the parameters or the body of a request."""
        faults, status = [], 422
        for fault in error.errors():
            place = ".".join(str(step) for step in fault["loc"][1:])
            given = fault.get("input")
            said = "" if given is None or isinstance(given, dict | list) else f" is {str(given)[:200]!r}"
            if fault["type"] == "json_invalid":
                status = 400
                faults.append({"field": None, "fault": "The body is no JSON.", "mend": "Send one JSON object."})
                continue
            message = fault["msg"].removeprefix("Value error, ")
            faults.append({"field": place or None, "fault": f"`{place or 'body'}`{said}: {message}.", "mend": SEE})
        problem = cls(status, "\n".join(str(each["fault"]) for each in faults))
        problem.faults = faults
        return problem

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The answer."""
        mends = [str(each["mend"]) for each in self.faults if each["mend"]]
        told: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": " ".join([*(str(each["fault"]) for each in self.faults), *dict.fromkeys(mends)]),
            "errors": self.faults,
        }
        more = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(RETRY_SECONDS)}}.get(self.status, {})
        body = orjson.dumps(told, default=str) if _is_text(told["detail"]) else b"{}"
        return Response(body, self.status, {**more, **(headers or {})}, MEDIA_TYPE)


def _told(fault: Fault) -> dict[str, str | None]:
    """The field, the fault and the mend of a sentence of the vocabulary's."""
    said, mend = fault.sentence, SEE
    if found := re.fullmatch(MEND, said):
        said, mend = f"{found[1]}.", found[2][0].upper() + found[2][1:]
    return {"field": ".".join(map(str, fault.place)) or None, "fault": said, "mend": mend}


def _is_text(text: str) -> bool:
    """Whether UTF-8 can write it; what was asked may hold half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

"""The examples of docs/api.md do what they say."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

from tests.serving.api.conftest import Server

PAGE = Path(__file__).parents[3] / "docs" / "api.md"


def test_the_examples_are_answered(kept_server: Server) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if line.startswith("curl ")]
    assert len(commands) > 6
    for command in commands:
        words = shlex.split(command)
        path = next(word for word in words if word.startswith("localhost:8000")).removeprefix("localhost:8000")
        options = dict(pairwise(words))
        headers = {"Accept": "text/csv"} if "text/csv" in command else {}
        if "-d" in words:
            headers["Content-Type"] = "application/json"
            sent = options["-d"].replace("purchase", "shop_bought")
            answer = kept_server.request("POST", path, "admin", content=sent, headers=headers)
        else:
            answer = kept_server.get(path, "admin", headers=headers)
        assert answer.status_code == 200, (command, answer.text)


def test_every_route_is_on_the_page(open_server: Server) -> None:
    page = PAGE.read_text()
    for path in open_server.get("/openapi.json").json()["paths"]:
        last = [part for part in path.split("/") if not part.startswith("{")][-1]
        assert last in page, path

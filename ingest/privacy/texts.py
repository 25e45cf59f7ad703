"""What is personal inside of a text or an address of a page, by its shape: the names of members say nothing here."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote

from pydantic_core import SchemaValidator, core_schema

from ingest.privacy.names import WORDS, expression, kind_of, stems

_EMAIL = r"[\w.%+'-]+(?:@|%40)(?:[\w-]+\.)+(?!(?:png|jpe?g|gif|svg|webp|ico|css|js|mjs|map)\b)[^\W\d_]{2,}"
# with a country's prefix, or as North America writes them; other national spellings cannot be told from numbers
_ABROAD = r"(?:\+|%2[Bb])[1-9](?:(?:[ ()./-]|%20){0,2}[0-9]){7,14}"
_AMERICAN = r"(?:\([0-9]{3}\) ?|[0-9]{3}[-.])[0-9]{3}[-.][0-9]{4}"
_CARD = r"[2-6](?:[ -]?[0-9]){12,18}"
_TOKEN = r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*|(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}"
_SHAPES = (
    ("email", re.compile(_EMAIL)),
    ("phone", re.compile(rf"(?<![\w+]){_ABROAD}(?![0-9])|(?<![\w.-]){_AMERICAN}(?![\w-])")),
    ("card", re.compile(rf"(?<![\w.-]){_CARD}(?![\w.-])")),
    ("token", re.compile(_TOKEN)),
)
_PARAMETER = re.compile(r"([?&;#])([^=&#?;\s\"]{1,80})=([^&#;\s\"]+)")
# the names of parameters that say what nobody else is to read
_OF_PARAMETERS = frozenset(("token", "sig", "signature", "auth", "oauth_token", "oauth_verifier"))

_SUSPECT_SHAPES = "|".join(
    [
        "@",
        "%40",
        _ABROAD.replace("{7,14}", "{7}"),
        _AMERICAN,
        # as wide as the look-arounds of the shape: all beyond ASCII parts, and JSON may write what parts as an escape
        rf"(?:^|[^0-9A-Za-z_.-]|\\[bfnrt]|\\u[0-9A-Fa-f]{{4}}){_CARD}(?:[^0-9A-Za-z_.-]|$)",
        "eyJ[A-Za-z0-9_-]{8}",
        "[sr]k_(?:live|test)_",
    ]
)
_NAMES = "|".join([*(expression(kind) for kind in WORDS), *sorted(_OF_PARAMETERS)])
# finds every text in which one of the above may be, and some others
SUSPECT = f"{_SUSPECT_SHAPES}|[?&;#](?:{_NAMES})="

# what SUSPECT finds and more, as RE2 reads it fast
STEMS = (
    rf"{stems()}|@|%40|\+[1-9]|%2B|[0-9]{{3}}\)|[0-9]{{3}}[-.][0-9]{{3}}[-.]|[2-6](?:[ -]?[0-9]){{12}}|"
    r"eyJ|k_live|k_test|\\u00[2-7]"
)

Replace = Callable[[str, str], str | None]


def cleaned(text: str, replace: Replace, is_id: bool = False) -> str:
    """A text in which what is personal is replaced.

    Args:
        text: any text, an address of a page among them.
        replace: called with the kind of what was found and with the found; returns what stands there now, None to
            leave it as it is.
        is_id: whether the text is an id, whose digits are no card's and no telephone's.
    """

    def parameter(found: re.Match[str]) -> str:
        kind = _kind_of_parameter(found[2])
        now = replace(kind, found[3]) if kind else None
        return found[0] if now is None else f"{found[1]}{found[2]}={now}"

    if "=" in text:
        text = _PARAMETER.sub(parameter, text)
    for kind, shape in _SHAPES:
        if is_id and kind in ("card", "phone"):
            continue

        def shaped(found: re.Match[str], kind: str = kind) -> str:
            if kind == "card" and not is_card(found[0]):
                return found[0]
            now = replace(kind, found[0])
            return found[0] if now is None else now or f"[{kind}]"

        text = shape.sub(shaped, text)
    return text


@lru_cache(maxsize=65_536)
def _kind_of_parameter(name: str) -> str | None:
    said = unquote(name)
    kind = "token" if said.lower() in _OF_PARAMETERS else kind_of(said)
    return "token" if kind == "secret" else kind


def searcher(expression: str) -> Callable[[str], bool]:
    """Whether an expression is found in a text, by the engine of pydantic: a hundred times as fast as Python's own."""
    return SchemaValidator(core_schema.str_schema(pattern=expression)).isinstance_python


# whether something personal may be in a text; sometimes wrong where it says so
may_hold = searcher(SUSPECT)


def is_email(text: str) -> bool:
    """Whether a text is an e-mail address and nothing else."""
    return "@" in text and bool(re.fullmatch(_EMAIL, text.strip()))


def is_card(text: str) -> bool:
    """Whether digits are the number of a card: of a known issuer, as long as its are, right by Luhn's rule."""
    digits = [int(each) for each in text if each.isdigit()]
    number, length = "".join(map(str, digits)), len(digits)
    lengths = next(
        (
            legal
            for prefix, legal in (
                (r"4", (13, 16, 19)),
                (r"5[1-5]|2[2-7]|35", (16,)),
                (r"3[47]", (15,)),
                (r"3[068]", (14,)),
                (r"6", (16, 17, 18, 19)),
            )
            if re.match(prefix, number)
        ),
        (),
    )
    if length not in lengths:
        return False
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + doubled) % 10 == 0

"""What is personal inside of a text or an address of a page, by its shape: the names of members say nothing here."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from pydantic_core import SchemaValidator, core_schema

from ingest.distinct import remembered
from ingest.privacy.names import ESCAPED, WORDS, expression, kind_of, stems

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

# each is found wherever its shape is, in a text or in JSON, which may write what parts as an escape, and elsewhere too
_ABROAD_SUSPECT = r"(?:\+|%2[Bb])[1-9](?:(?:[ ()./\\-]|%20){0,8}[0-9]){7}"
# as wide as the look-arounds of the shape: all beyond ASCII parts
_CARD_SUSPECT = rf"(?:^|[^0-9A-Za-z_.-]|\\[bfnrt]|\\u[0-9A-Fa-f]{{4}}){_CARD}(?:[^0-9A-Za-z_.-]|$)"
_TOKEN_SUSPECT = "eyJ[A-Za-z0-9_-]{8}|k_live_|k_test_"
# these are no names of members; and a letter of a parameter's name may be written in hex
_PARAMETERS_ALONE = rf"(?i:{'|'.join(sorted(_OF_PARAMETERS))})|[^=&#?;\s\"]*%[^=&#?;\s\"]*"
_PARAMETER_SUSPECT = rf"[?&;#](?:{'|'.join(expression(kind) for kind in WORDS)}|{_PARAMETERS_ALONE})="
# finds every text in which one of the above may be, and some others
SUSPECT = "|".join(("@", "%40", _ABROAD_SUSPECT, _AMERICAN, _CARD_SUSPECT, _TOKEN_SUSPECT, _PARAMETER_SUSPECT))

# what SUSPECT finds and more, as RE2 reads it fast
STEMS = "|".join(
    (
        stems(),
        r"@|%40|\+[1-9]|%2B|[0-9]{3}\)|[0-9]{3}[-.][0-9]{3}[-.]|eyJ|k_live|k_test",
        rf"[?&;#](?:{_PARAMETERS_ALONE})=",
        _CARD_SUSPECT,
        ESCAPED,
    )
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


@remembered
def _kind_of_parameter(name: str) -> str | None:
    said = unquote(name)
    kind = "token" if said.lower() in _OF_PARAMETERS else kind_of(said)
    return "token" if kind == "secret" else kind


def searcher(expression: str) -> Callable[[str], bool]:
    """Whether an expression is found in a text, by the engine of pydantic: a hundred times as fast as Python's own."""
    return SchemaValidator(core_schema.str_schema(pattern=expression)).isinstance_python


# whether something personal may be in a text; sometimes wrong where it says so
may_hold = searcher(SUSPECT)

# the same in parts, each of which the engine finds by a few letters or in few steps: of long texts in half the time
_PARTS = tuple(map(searcher, (f"{_TOKEN_SUSPECT}|%40|{ESCAPED}", _ABROAD_SUSPECT, _PARAMETER_SUSPECT)))
_NUMBER = searcher(r"[2-6](?:[ -]?[0-9]){12}|[-.)] ?[0-9]{3}[-.][0-9]{4}")
_CARD_OR_PHONE = searcher(f"{_AMERICAN}|{_CARD_SUSPECT}")


def may_hold_shapes(text: str) -> bool:
    """What `may_hold` says of a long text, of JSON with its escapes too."""
    return "@" in text or any(is_there(text) for is_there in _PARTS) or (_NUMBER(text) and _CARD_OR_PHONE(text))


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

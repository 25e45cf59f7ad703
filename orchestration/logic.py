"""What a model is computed by: its code, all macros that it calls, directly or not, and the settings that they name."""

import hashlib
import json
import re
from functools import cache
from pathlib import Path

MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)\(.*?\{%-?\s*endmacro\s*-?%\}", re.DOTALL)
SETTING = re.compile(r"""\bsetting\(\s*["'](\w+)["']\s*\)""")


def logic_of(code: str, project: Path) -> str:
    """Return, as JSON, a digest of a model's code with all macros behind it, and the settings that they name.

    Any word that is the name of a macro counts as a call of it, because macros are handed to macros by name: rather
    build a model anew once too often.
    """
    macros = _macros(project)
    found: dict[str, str] = {}
    waiting = [code]
    while waiting:
        for word in sorted(set(re.findall(r"\w+", waiting.pop())) & macros.keys() - found.keys()):
            found[word] = macros[word]
            waiting.append(macros[word])
    texts = [code, *(found[name] for name in sorted(found))]
    settings = {name for text in texts for name in SETTING.findall(text)}
    digest = hashlib.md5("|".join(texts).encode(), usedforsecurity=False).hexdigest()
    return json.dumps({"digest": digest, "settings": sorted(settings)})


def _macros(project: Path) -> dict[str, str]:
    files = sorted((project / "macros").rglob("*.sql"))
    return _texts(tuple((file, file.stat().st_mtime_ns) for file in files))


@cache
def _texts(files: tuple[tuple[Path, int], ...]) -> dict[str, str]:
    return {found[1]: found[0] for file, _ in files for found in MACRO.finditer(file.read_text(encoding="utf-8"))}

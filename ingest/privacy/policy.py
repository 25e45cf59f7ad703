"""What becomes of personal data: dropped, hashed or kept, by kind or by field, for all apps or for one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from ingest.privacy.names import KINDS, PLAIN_NAME, plain

DROP, HASH, KEEP = "drop", "hash", "keep"
ACTIONS = (DROP, HASH, KEEP)


@dataclass(frozen=True)
class Policies:
    """What a home says: `app:field=action`; an app's word comes before the general one, a field's before its kind's."""

    enabled: bool = False
    told: dict[tuple[str | None, str], str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str, enabled: bool = False) -> Policies:
        """Policies as a setting writes them; `enabled` keeps all that nothing else is said of.

        Raises:
            ValueError: saying which part is none.
        """
        told = {}
        for part in text.split(","):
            if not part.strip():
                continue
            found = re.fullmatch(r"\s*(?:([^:=,]+):)?\s*([^:=,]+?)\s*=\s*([a-z]+)\s*", part)
            if not found or found[3] not in ACTIONS or not plain(found[2]):
                raise ValueError(f"{part.strip()!r} is no policy")
            kind = found[2] if found[2] in KINDS else plain(found[2])
            told[(found[1].strip() if found[1] else None, kind)] = found[3]
        return cls(enabled, told)

    def of(self, app: str, kind: str | None, name: str = "") -> str:
        """What becomes of a member of a kind, or of any name that somebody gave a policy of its own."""
        for asked in (plain(name), kind):
            for of_app in (app, None):
                if asked and (action := self.told.get((of_app, asked))):
                    return action
        if kind is None or self.enabled:
            return KEEP
        return DROP

    @property
    def names(self) -> frozenset[str]:
        """Plain names that have a policy of their own and are no kind's."""
        return frozenset(name for _, name in self.told if name not in KINDS or name == PLAIN_NAME)

    @property
    def kinds(self) -> list[str]:
        """The kinds that are not kept of every app."""
        apps = {app for app, _ in self.told} | {None}
        return [kind for kind in KINDS if any(self.of(app or "", kind) != KEEP for app in apps)]

    @cached_property
    def keep_all(self) -> bool:
        """Whether there is nothing to do."""
        return not self.kinds and all(action == KEEP for action in self.told.values())

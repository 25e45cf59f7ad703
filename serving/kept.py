"""What is dear to find, kept for as long as it is asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """What has been found, by its place; beyond `most` what was not asked for the longest is found anew."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._found: OrderedDict[Hashable, Value] = OrderedDict()

    def __contains__(self, place: Hashable) -> bool:
        """Whether it need not be found."""
        with self._lock:
            return place in self._found

    def get(self, place: Hashable, find: Callable[[], Value]) -> Value:
        """What lies at a place. Who comes while it is found finds it too: nobody waits for another's query."""
        with self._lock:
            if place in self._found:
                self._found.move_to_end(place)
                return self._found[place]
        found = find()
        with self._lock:
            self._found[place] = found
            while len(self._found) > self._most:
                self._found.popitem(last=False)
        return found

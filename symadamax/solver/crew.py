"""The threads of a run: each waits in the compiled core, without the GIL, for its share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from symadamax import _core

__all__ = ["at_work"]


@contextmanager
def at_work(*contexts: Any) -> Iterator[None]:
    """Send threads to the teams among some contexts, and let them go in the end."""
    teams = [context for context in contexts if isinstance(context, _core.Team)]
    crew: list[threading.Thread] = []
    try:
        for team in teams:
            for k in range(1, team.threads):
                thread = threading.Thread(
                    target=team.work, args=(k,), name=f"symadamax-{k}", daemon=True
                )
                thread.start()
                crew.append(thread)
        yield
    finally:
        for team in teams:
            team.dismiss()
        for thread in crew:
            thread.join()

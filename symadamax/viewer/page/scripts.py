"""JavaScript modules as one classic script, which a browser also loads from a file on disk.

Browsers refuse to import modules from ``file:``, where people look at pages they have built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

__all__ = ["join"]

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.mjs";\n', re.M)
DECLARED = re.compile(r"^(?:async )?(?:function|class|const|let|var) (\w+)", re.M)
# What would load something, from here or elsewhere.
LOADS = re.compile(
    r"\b(?:fetch|importScripts|import)\s*\(|\b(?:XMLHttpRequest|WebSocket|EventSource|sendBeacon)\b"
    r"|\bhttps?:|[\"'`]//"
)

NO_DATA: Mapping[str, str] = MappingProxyType({})


def join(main: str, modules: Mapping[str, str], data: Mapping[str, str] = NO_DATA) -> str:
    """Return one script of a module and all that it imports, each after those it needs.

    Parameters
    ----------
    main : str
        The name of the module that is run.
    modules : mapping of str to str
        The text of each by its name, without ``.mjs``.
    data : mapping of str to str
        More modules, which were made by `symadamax.viewer.page.javascript`: words in them are data.

    Raises
    ------
    ValueError
        When two modules declare one name, an import or an export is not of the one form that is
        understood, or something would be loaded.
    """
    for name, text in modules.items():
        loads = LOADS.search(text)
        if loads:
            raise ValueError(f"{name}.mjs would load something: {loads[0]}")
    modules = {**modules, **data}
    bodies = [_body(name, modules[name]) for name in dict.fromkeys(_needed(main, modules))]
    script = "\n".join(bodies)
    declared = DECLARED.findall(script)
    twice = sorted({name for name in declared if declared.count(name) > 1})
    if twice:
        raise ValueError(f"More than one module declares {', '.join(twice)}: rename one of each.")
    return f'"use strict";\n(() => {{\n{script}}})();\n'


def _needed(name: str, modules: Mapping[str, str], above: tuple[str, ...] = ()) -> Iterator[str]:
    if name in above:
        raise ValueError(f"The modules import each other: {' -> '.join([*above, name])}.")
    for _, other in IMPORT.findall(modules[name]):
        yield from _needed(other, modules, (*above, name))
    yield name


def _body(name: str, text: str) -> str:
    body = re.sub(r"^export (?=function|async|class|const)", "", IMPORT.sub("", text), flags=re.M)
    for names, _ in IMPORT.findall(text):
        if " as " in names:
            raise ValueError(f"{name}.mjs renames what it imports: {{{names}}}.")
    left = re.search(r"^(?:import|export)\b.*", body, re.M)
    if left:
        raise ValueError(f"{name}.mjs has a line that cannot be joined: {left[0]}")
    return body

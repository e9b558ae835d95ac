"""The HTML of a page: the element that shows runs, and a file that holds it with all it needs."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import starmap
from pathlib import Path
from string import Template

from symadamax.errors import InternalError
from symadamax.viewer.page import javascript, update
from symadamax.viewer.page.entry import Entry
from symadamax.viewer.page.formula import formula, letter, name_in_mathml
from symadamax.viewer.page.scripts import join
from symadamax.viewer.page.written import bound_in_symbols, rows

__all__ = ["FILES", "document", "fragment", "made", "script"]

FILES = Path(__file__).parent / "browser"
HIDDEN = ".play > :not(noscript) { display: none; }"  # where there is no JavaScript

ICONS = {
    "zoom-in": ("Zoom in on the point", "M12 5v14M5 12h14"),
    "zoom-out": ("Zoom out", "M5 12h14"),
    "whole": ("The whole map", "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"),
    "first": ("To the start", "M6 5v14M19 5l-9 7 9 7Z"),
    "back": ("One step back", "M17 5l-10 7 10 7Z"),
    "forward": ("One step forward", "M7 5l10 7-10 7Z"),
    "last": ("To the end", "M18 5v14M5 5l9 7-9 7Z"),
}
SETTINGS = {
    "learningRate": "Learning rate",
    "beta1": "Decay of the moment",
    "beta2": "Decay of the weight",
    "epsilon": "Epsilon",
}
CHOICES = {
    "run": ("Settings of run", {"a": "A", "b": "B"}),
    "scope": ("Steps", {"whole": "all", "near": "around this one"}),
    "scale": ("Scale", {"linear": "linear", "log": "log"}),
}
ROWS = {
    "before": "before", "g": "gradient", "m": "moment", "u": "weight", "move": "step",
    "bound": "its bound", "x": "after",
}  # fmt: skip
BEFORE = "<mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow>"
LETTERS = {
    "learningRate": letter("α"), "beta1": letter("β", "1"), "beta2": letter("β", "2"),
    "epsilon": letter("ϵ"), "t": letter("t"), "g": letter("g", "t"),
    "rate": "<msub><mover accent='true'><mi>α</mi><mo>^</mo></mover><mi>t</mi></msub>",
    "m": letter("m", "t"), "mBefore": f"<msub><mi>m</mi>{BEFORE}</msub>",
    "u": letter("u", "t"), "uBefore": f"<msub><mi>u</mi>{BEFORE}</msub>",
}  # fmt: skip


def document(entry: Entry) -> str:
    """Return the text of a file that shows one run. It needs nothing else, and can load nothing.

    The policy in its head names the hashes of its script and of its styles: whatever else were to
    look like script in it would not be run.
    """
    code, look = script([entry]), _read("play.css") + _read("file.css")
    if "</script" in code.lower() or "<!--" in code:
        raise InternalError("The script of a page would end before its end.")
    return _filled(
        "file.html",
        title=html.escape(entry.title),
        script=code,
        style=look,
        script_hash=_hash(code),
        style_hashes=f"{_hash(look)} {_hash(HIDDEN)}",
        page=fragment([entry]),
    )


def fragment(entries: Sequence[Entry]) -> str:
    """Return the element that shows the runs of these objectives, which share their unknowns."""
    names = (*max((entry.names for entry in entries), key=len), "y")[:2]
    return _filled(
        "page.html",
        hidden=HIDDEN,
        objectives=_list(entries) if len(entries) > 1 else "",
        formulas="".join(map(_formula, entries)),
        place=html.escape(entries[0].place),
        rows="\n      ".join(starmap(_row, ROWS.items())),
        choose_unknown=_choice("unknown", "Unknown", dict(zip("01", names, strict=True))),
        **{f"name_{k}": html.escape(name) for k, name in enumerate(names)},
        **{f"choose_{name}": _choice(name, *words) for name, words in CHOICES.items()},
        **{f"set_{name}": _setting(name, words) for name, words in SETTINGS.items()},
        **{name.replace("-", "_"): _button(name, *icon) for name, icon in ICONS.items()},
        **_equations(*map(name_in_mathml, names)),
    )


def script(entries: Sequence[Entry]) -> str:
    """Return the script of a page: its modules and these objectives."""
    modules = {path.stem: path.read_text(encoding="utf-8") for path in FILES.glob("*.mjs")}
    return join("main", modules, data=made(entries))


def made(entries: Iterable[Entry]) -> dict[str, str]:
    """Return the modules that are made from SymPy, by name."""
    return {"objectives": javascript.module(entries), "update": update.module()}


def _equations(*unknowns: str) -> dict[str, str]:
    """Return the equations of a step and the letters in them, by their names in the template."""
    of_x = {
        str(k): {"x": f"<msub>{name}<mi>t</mi></msub>", "xBefore": f"<msub>{name}{BEFORE}</msub>"}
        for k, name in enumerate(unknowns)
    }
    names = {f"letter_{k}": name for k, name in enumerate(unknowns)}
    shown = {f"{name}_t": LETTERS[name] for name in "gmu"}
    begun = {f"{name}_0": letter(name, "0") for name in "mu"}
    equations = {"equations": rows(LETTERS, of_x), "bound": bound_in_symbols(LETTERS)}
    return {**names, **shown, **begun, **equations}


# ---- parts that are there more than once --------------------------------------------------------


def _list(entries: Sequence[Entry]) -> str:
    options = "".join(
        f'<option value="{html.escape(entry.name)}">{html.escape(entry.title)}</option>'
        for entry in entries
    )
    return (
        '<div class="play-field"><label for="play-objective">Objective</label>'
        f'<select id="play-objective" name="objective">{options}</select></div>'
    )


def _formula(entry: Entry) -> str:
    shown = formula(entry.objective.expression, entry.names)
    return f'<span data-formula="{html.escape(entry.name)}" hidden>{shown}</span>'


def _button(name: str, label: str, path: str) -> str:
    return (
        f'<button type="button" id="play-{name}" aria-label="{label}" title="{label}">'
        f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{path}"/></svg></button>'
    )


def _setting(name: str, words: str) -> str:
    return (
        f'<div class="play-setting"><label for="play-{name}">{words} '
        f"<math>{LETTERS[name]}</math></label>"
        f'<input type="range" id="play-{name}-slider" min="0" max="1000" step="10" '
        f'aria-label="{words}, slider">'
        f'<input type="text" id="play-{name}" autocomplete="off" spellcheck="false" '
        'aria-describedby="play-error"></div>'
    )


def _choice(name: str, legend: str, options: Mapping[str, str]) -> str:
    labels = "".join(
        f'<label class="choice-{name}-{value}"><input type="radio" name="{name}" value="{value}">'
        f"<span>{html.escape(label)}</span></label>"
        for value, label in options.items()
    )
    return f'<fieldset class="play-choice"><legend>{legend}</legend>{labels}</fieldset>'


def _row(cell: str, words: str) -> str:
    return (
        f'<tr><th scope="row">{words}</th><td data-cell="{cell}" data-k="0"></td>'
        f'<td data-cell="{cell}" data-k="1" class="only-two"></td></tr>'
    )


# ---- files --------------------------------------------------------------------------------------


def _read(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")


def _filled(name: str, **parts: str) -> str:
    return Template(_read(name)).substitute(parts)


def _hash(text: str) -> str:
    """Return what a content security policy calls a script or a style."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

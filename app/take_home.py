"""What is taken home: one HTML file that needs no network, and notebooks that make the numbers again."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from app.figures import Figure, plain, resolve

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f27;
  background: #ffffff; }
pre { background: #f2f4f9; padding: 1rem; overflow: auto; max-height: 30rem; border-radius: 6px; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .3rem 1rem .3rem 0; vertical-align: top; }
.wide { overflow-x: auto; }
th { border-bottom: 1px solid #c5cad6; } .chart { height: 340px; margin: 1rem 0; }
"""


def document(title: str, parts: Iterable[str]) -> bytes:
    """A whole HTML file: the plotting library itself, then the parts, which are HTML already.

    Args:
        title: as plain text; it is the first heading, too.
        parts: made by the functions below.
    """
    said = html.escape(title)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{said}</title><style>{_STYLE}</style>\n'
        f"<script>{_plotly()}</script></head><body>\n<h1>{said}</h1>\n" + "\n".join(parts) + "\n</body></html>"
    ).encode()


def heading(text: str) -> str:
    """A heading."""
    return f"<h2>{html.escape(text)}</h2>"


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{html.escape(text)}</p>"


def points(texts: Iterable[str]) -> str:
    """A list of sentences."""
    return "<ul>" + "".join(f"<li>{html.escape(text)}</li>" for text in texts) + "</ul>"


def code(text: str) -> str:
    """Text that is to be copied."""
    return f"<pre>{html.escape(text)}</pre>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of plain texts."""
    first = "".join(f"<th>{html.escape(head)}</th>" for head in heads)
    rest = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{first}</tr>{rest}</table></div>'


def charts(figures: Mapping[str, Figure]) -> str:
    """Interactive charts, name -> figure, below each other."""
    parts = []
    for name, figure in figures.items():
        text = json.dumps(plain(resolve(figure)), allow_nan=False).replace("</", "<\\/")
        parts.append(
            f'<div class="chart" id="{name}" data-chart="{name}"></div>'
            f"<script>{{const f = {text}; Plotly.newPlot('{name}', f.data, f.layout, {{responsive: true}});}}</script>"
        )
    return "\n".join(parts)


def download(label: str, file_name: str, text: str, *, mime: str = "text/csv") -> str:
    """A link that saves a file which the page itself holds."""
    data = base64.b64encode(text.encode()).decode()
    return f'<p><a download="{html.escape(file_name)}" href="data:{mime};base64,{data}">{html.escape(label)}</a></p>'


def script(text: str, file_name: str, *, said: str = "") -> str:
    """A program that makes the same numbers: what it holds or needs, the program to read, and as a file."""
    label = f"Script as a file ({file_name})"
    parts = [paragraph(said)] if said else []
    return "\n".join([*parts, code(text), download(label, file_name, text, mime="text/x-python")])


def literal(text: str) -> str:
    """``text`` as a Python literal, over several lines where nothing in it could end it early."""
    return repr(text) if '"""' in text or "\\" in text or text.endswith('"') else f'"""\\\n{text}"""'


def notebook(intro: str, cells: Mapping[str, str]) -> bytes:
    """A Jupyter notebook (format 4.5).

    Args:
        intro: its first cell, Markdown.
        cells: name -> Python.
    """
    document = {
        "cells": [_cell("markdown", "intro", intro), *(_cell("code", name, text) for name, text in cells.items())],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False).encode()


def _cell(kind: str, name: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": {}, "source": text.splitlines(keepends=True)}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _plotly() -> str:
    """The plotting library itself, so that the file needs no other."""
    text = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    return text.replace("</script", "<\\/script")

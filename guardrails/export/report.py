"""The report of an export: one HTML page and the same figures as JSON, beside the tables.

It holds aggregates of the real data (means, shares, histograms without small bars) and belongs to those who made the
export, not to those who get it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final, cast

import orjson

from . import plots
from .options import ExportError

REPORT: Final = "report.html"
FIGURES: Final = "report.json"
_SIZES: Final = ("1", "2", "4", "8", "16", "32", "64", "128", "256", "512", "1024+")
_MEANS: Final = {
    "open": "as it is; text looked through",
    "rule": "masked",
    "identifier": "id of this export",
    "shift": "moved by the person's weeks",
    "year": "year",
    "noise": "noise of the row",
    "quasi": "coarser, k-anonymous",
}
_COARSE: Final = ("", ", made coarser", ", made much coarser", ", made as coarse as it gets")
_STYLE: Final = """
:root{--ink:#1c2430;--dim:#5b6675;--paper:#fff;--line:#d9dee5;--before:#b9c3d0;--after:#0b7285;--warn:#b3541e}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--dim:#9aa5b4;--paper:#14181f;--line:#2d3540;--before:#4a5666;
--after:#3bc9db;--warn:#ffa94d}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1000px;margin:2rem auto;
padding:0 1rem}h1,h2{line-height:1.2}h2{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:1rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13px;width:100%}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
figure{display:inline-block;margin:.5rem 1.2rem .5rem 0;vertical-align:top}figcaption{font-size:12px;color:var(--dim)}
.dim{color:var(--dim)}.warn{color:var(--warn)}.key i{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}
"""

Figures = Mapping[str, Any]


def write_report(folder: Path, figures: Mapping[str, object]) -> Path:
    """Write ``report.html`` and ``report.json``; returns the page. Raises `ExportError`."""
    page = folder / REPORT
    try:
        (folder / FIGURES).write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        page.write_text(html(cast("Figures", figures)), encoding="utf-8")
    except OSError as error:
        raise ExportError(f"{page}: cannot be written: {error.strerror}") from None
    return page


def html(figures: Figures) -> str:
    """The page."""
    tables: Sequence[Figures] = figures["tables"]
    body = [
        f"<h1>Export of {escape(figures['database'])}</h1>",
        f'<p class="dim">{escape(figures["export"])}, {escape(figures["made"])}. Masked with a key that no longer '
        "exists. This page holds aggregates of the real data: it is for those who made the export.</p>",
        '<p class="key">Pictures show <i style="background:var(--before)"></i>before'
        '<i style="background:var(--after)"></i>after.</p>',
        _joins(figures["joins"]),
        *(_table(table) for table in tables),
        _files(figures.get("files", {})),
    ]
    title = f"Export of {escape(figures['database'])}"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style><body>{''.join(body)}</body></html>\n"
    )


def _joins(joins: Sequence[Figures]) -> str:
    if not joins:
        return ""
    rows = [(f"{j['from']} → {j['to']}", _share(j["before"]), _share(j["after"])) for j in joins]
    return "<h2>Joins</h2><p>Share of values that find their row.</p>" + _grid(("key", "before", "after"), rows, 1)


def _table(table: Figures) -> str:
    parts = [
        f"<h2>{escape(table['name'])}</h2>",
        f"<p>{table['rows']:,} rows read, {table['written']:,} written"
        + (f", {table['dropped']:,} left out" if table["dropped"] else "")
        + (f", {table['suppressed']:,} with emptied quasi-identifiers" if table["suppressed"] else "")
        + (f". Whose row it is: <b>{escape(table['subject'])}</b>" if table["subject"] else "")
        + ".</p>",
        _risk(table),
        _columns(table["columns"]),
        _pictures(table),
        _relations(table),
    ]
    return "".join(parts)


def _risk(table: Figures) -> str:
    risk: Figures | None = table["risk"]
    if risk is None:
        possible: Sequence[str] = table["possible_quasi"]
        if not possible:
            return ""
        names = ", ".join(map(escape, possible))
        return (
            f'<p class="warn">Together these may tell who somebody is: {names}. Name them with --quasi to make them '
            "k-anonymous.</p>"
        )
    rows = [
        ("rows that share their values with nobody", _share(risk["alone"][0]), _share(risk["alone"][1])),
        (f"rows in groups of fewer than {risk['k']}", _share(risk["below_k"][0]), _share(risk["below_k"][1])),
        ("smallest group", str(risk["smallest"][0]), str(risk["smallest"][1])),
        ("groups", f"{risk['groups'][0]:,}", f"{risk['groups'][1]:,}"),
    ]
    names = ", ".join(map(escape, risk["quasi"]))
    picture = plots.pairs(_SIZES, risk["sizes"][0], risk["sizes"][1], "rows by size of their group")
    coarse = _COARSE[int(risk["level"])]
    return f"<p>Risk by {names}{coarse}:</p>" + _grid(("", "before", "after"), rows, 1) + picture


def _columns(columns: Sequence[Figures]) -> str:
    rows = [
        (
            column["name"],
            column["class"] or "open",
            _MEANS[column["treatment"]] if column["treatment"] != "rule" else str(column["mask"]),
            ("" if column["exact"][0] else "≈ ") + f"{column['distinct'][0]:,}",
            ("" if column["exact"][1] else "≈ ") + f"{column['distinct'][1]:,}",
            f"{column['nulls'][0]:,}",
            f"{column['nulls'][1]:,}",
        )
        for column in columns
    ]
    heads = ("column", "class", "leaves", "distinct before", "after", "empty before", "after")
    return _grid(heads, rows, 3)


def _pictures(table: Figures) -> str:
    return "".join(
        plots.histogram(n["bins"][0], n["bins"][1], n["edges"], column["name"])
        for column in table["columns"]
        if (n := column.get("numbers")) is not None and column["treatment"] != "rule"
    )


def _relations(table: Figures) -> str:
    parts: list[str] = []
    if (found := table["correlations"]) is not None:
        parts += [
            f"<p>Correlations (Spearman) changed by at most {found['largest_change']:.3f}.</p>",
            plots.matrix(found["columns"], found["before"], "before"),
            plots.matrix(found["columns"], found["after"], "after"),
        ]
    rows = [
        (f"{i['from']} to {i['to']}", f"{i['mean'][0]:,}", f"{i['mean'][1]:,}", f"{_share(i['exact'])} exact")
        for i in table["intervals"]
    ]
    if (gaps := table["gaps"]) is not None:
        rows.append(("from one of a person's rows to the next", f"{gaps['mean'][0]:,}", f"{gaps['mean'][1]:,}", ""))
    if rows:
        parts.append(_grid(("days, on average", "before", "after", ""), rows, 1))
    return "".join(parts)


def _files(files: Mapping[str, str]) -> str:
    return "<h2>Files</h2>" + _grid(("file", "digest"), list(files.items()), 2)


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]], first_number: int) -> str:
    def kind(i: int) -> str:
        return ' class="n"' if i >= first_number else ""

    head = "".join(f"<th{kind(i)}>{escape(text)}</th>" for i, text in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(f"<td{kind(i)}>{escape(text)}</td>" for i, text in enumerate(row)) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _share(value: float) -> str:
    return f"{value:.1%}"

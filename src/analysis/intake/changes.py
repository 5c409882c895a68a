"""What joining a file changed in the panel: new, changed and withdrawn figures."""

import html
from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.languages import Catalogue, catalogue
from analysis.panel.codebook import Variable
from analysis.panel.schemas import KEYS

Tables = Mapping[str, pd.DataFrame]

CHANGES = ("table", "column", "country", "place", "year", "kind", "before", "after", "relative")
#: Figures closer than this are the same: sums done in another order differ in their last bits.
TOLERANCE = 1e-9
SHOWN = 25
_PLACES = ("geo", "nuts3", "from_geo", "country", "study")


def changed_figures(before: Tables, after: Tables) -> pd.DataFrame:
    """One row per figure that is not the same in two sets of panel tables (``CHANGES``).

    kind is ``new``, ``changed`` or ``withdrawn``; relative is the change over the earlier figure,
    missing where that is zero or none. Of tables with several levels only the finest is compared,
    from which the others are made. Columns that only one of the sets has are left out.
    """
    parts = [_changed(name, before[name], after[name]) for name in KEYS if name in before]
    none = pd.DataFrame(columns=list(CHANGES))
    return pd.concat([part for part in parts if len(part)] or [none], ignore_index=True)


def _changed(table: str, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    keys = [key for key in KEYS[table] if key != "level"]
    if "level" in before:
        before = before[before["level"].eq(before["level"].max())]
        after = after[after["level"].eq(after["level"].max())]
    shared = [name for name in before if name in after and name not in KEYS[table]]
    figures = [name for name in shared if before[name].dtype.kind == "f"]
    both = before[keys + figures].merge(
        after[keys + figures], on=keys, how="outer", suffixes=("|before", "|after"), indicator=True
    )
    # A year more repeats what is the same in every year (an area); that is no new figure.
    lasting = _lasting(after, figures)
    in_both = both[both["_merge"] == "both"]
    parts = [_of_column(table, name, in_both if name in lasting else both) for name in figures]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(CHANGES))


def _lasting(table: pd.DataFrame, figures: list[str]) -> set[str]:
    """Columns that have one value per territory, whatever the year."""
    if "geo" not in table or "year" not in table:
        return set()
    values = table.groupby("geo")[figures].nunique(dropna=False).max()
    return set(values.index[values <= 1])


def _of_column(table: str, name: str, both: pd.DataFrame) -> pd.DataFrame:
    before, after = both[f"{name}|before"], both[f"{name}|after"]
    scale = np.maximum(before.abs(), after.abs())
    moved = (after - before).abs() > TOLERANCE * scale
    kinds = [before.isna() & after.notna(), before.notna() & after.isna(), moved]
    kind = np.select(kinds, ["new", "withdrawn", "changed"], "")
    rows = both[kind != ""]
    place = next((column for column in _PLACES if column in both), None)
    places = rows[place].astype(str) if place else pd.Series("", rows.index)
    country = rows["country"].astype(str) if "country" in rows else places.str[:2]
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = (after - before) / before.where(before != 0).abs()
    return pd.DataFrame(
        {
            "table": table,
            "column": name,
            "country": country,
            "place": places,
            "year": rows["year"] if "year" in rows else pd.Series(pd.NA, rows.index),
            "kind": kind[kind != ""],
            "before": before[kind != ""],
            "after": after[kind != ""],
            "relative": relative[kind != ""],
        }
    )


def by_country_and_year(changes: pd.DataFrame) -> pd.DataFrame:
    """Numbers of new, changed and withdrawn figures, and the median relative size of a change."""
    keys = ["table", "column", "country", "year"]
    counts = changes.groupby([*keys, "kind"], dropna=False).size().unstack(fill_value=0)
    counts = counts.reindex(columns=["new", "changed", "withdrawn"], fill_value=0)
    size = changes["relative"].abs().groupby([changes[key] for key in keys], dropna=False).median()
    return counts.assign(median_change=size).reset_index().rename_axis(columns=None)


def largest(changes: pd.DataFrame, count: int = SHOWN) -> pd.DataFrame:
    """The changed figures that moved most, in relation to what they were."""
    moved = changes[changes["kind"].eq("changed") & changes["relative"].notna()]
    order = moved.assign(size=moved["relative"].abs())
    order = order.sort_values(["size", "table", "column", "place", "year"],
                              ascending=[False, True, True, True, True])  # fmt: skip
    return order.head(count).drop(columns="size").reset_index(drop=True)


def changes_page(
    files: list[str], changes: pd.DataFrame, declared: Mapping[str, Variable], lang: str
) -> str:
    """The report of what changed, as one HTML page without any address in it."""
    words = catalogue("intake", lang)
    kinds = changes["kind"].value_counts()
    counted = {kind: words.number(int(kinds.get(kind, 0))) for kind in _KINDS}
    parts = [
        f"<h1>{_escaped(words.text('changes.title'))}</h1>",
        f"<p>{_escaped(words.text('changes.files', files=', '.join(files)))}</p>",
        f"<p>{_escaped(words.text('changes.counts', **counted))}</p>",
    ]
    if len(changes):
        labels = _labels(changes, declared, lang)
        parts += [
            f"<h2>{_escaped(words.text('changes.where'))}</h2>",
            _table(_counts(changes, labels), words, ("column", "country", "years", *_KINDS)),
            f"<h2>{_escaped(words.text('changes.largest'))}</h2>",
            _table(_moved(changes, labels), words, _LARGEST),
        ]
    title = _escaped(words.text("changes.title"))
    return _PAGE.format(lang=lang, title=title, body="\n".join(parts))


_KINDS = ("new", "changed", "withdrawn")
_LARGEST = ("column", "place", "year", "before", "after", "relative")
_PAGE = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 1rem }}
.wide {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid #ccc }}
td.number, th.number {{ text-align: right }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def _escaped(text: object) -> str:
    return html.escape(str(text))


def _labels(changes: pd.DataFrame, declared: Mapping[str, Variable], lang: str) -> dict[str, str]:
    names = sorted(changes["column"].unique())
    return {name: getattr(declared[name], f"label_{lang}") for name in names}


def _counts(changes: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """Per column and country: the years and how many figures are new, changed, withdrawn."""
    grouped = changes.groupby(["column", "country"])
    years = grouped["year"].agg(["min", "max"])
    counts = changes.groupby(["column", "country", "kind"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=list(_KINDS), fill_value=0).join(years).reset_index()
    counts["years"] = counts[["min", "max"]].apply(tuple, axis=1)
    return counts.assign(column=counts["column"].map(labels))


def _moved(changes: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    rows = largest(changes)
    return rows.assign(column=rows["column"].map(labels))


def _table(frame: pd.DataFrame, words: Catalogue, columns: tuple[str, ...]) -> str:
    numeric = {*_KINDS, "year", "before", "after", "relative"}
    marks = [' class="number"' if name in numeric else "" for name in columns]
    head = "".join(
        f'<th scope="col"{mark}>{_escaped(words.text(f"column.{name}"))}</th>'
        for name, mark in zip(columns, marks, strict=True)
    )
    rows = [
        "<tr>"
        + "".join(
            f"<td{mark}>{_escaped(_cell(row[name], name, words))}</td>"
            for name, mark in zip(columns, marks, strict=True)
        )
        + "</tr>"
        for row in frame.to_dict("records")
    ]
    return (
        f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(value: object, name: str, words: Catalogue) -> str:
    if name == "relative":
        return words.percent(100 * float(str(value)), decimals=1)
    if name in ("before", "after"):
        return words.number(float(str(value)), significant=6)
    if isinstance(value, tuple):
        first, last = value
        return "" if pd.isna(first) else words.years(int(first), int(last))
    return "" if pd.isna(value) else str(value)

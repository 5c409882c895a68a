"""What a notebook shows is what it writes: tables, figures, estimates and sentences of one run.

Each method of :class:`Output` writes files under the run's folder and returns an object that
displays the same content in the notebook, so that no number is shown that is not also on disk::

    out = Output.here("05_cluster_funding")
    out.table("coverage", frame, title="Regions with data", source="Eurostat")
    out.figure("map", figure, caption="…", alt="…", source="…")
    out.estimates("baseline", estimates)
    out.say("A doubling of funding goes with {change:.1f} % more patents.", change=change)
"""

import base64
import html
import io
import json
import math
import os
import re
import string
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from IPython.display import Markdown
from matplotlib.figure import Figure

from analysis import CompendiumError, paths
from analysis.models import round_significant
from analysis.report.atomic import write_atomically
from analysis.report.regression import regression_csv, regression_layout
from analysis.report.tables import (
    MISSING,
    SIGNIFICANT_DIGITS,
    Table,
    csv_text,
    frame_table,
    plain_frame,
    to_docx,
    to_html,
    to_latex,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.claims import Entry, Verdict
    from analysis.models import Estimates

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
#: A number in an English text, not the digits of a code such as FR10.
_NUMBER = re.compile(r"(?<!\w)[+−-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+−-]?\d+)?(?!\w)")
_PNG_DPI = 200


@dataclass(frozen=True)
class Shown:
    """Something to display in a notebook: HTML, with plain text where there is no HTML."""

    markup: str
    text: str

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return self.text


@dataclass
class Output:
    """Writer of one run's results into ``folder``.

    ``draft`` is for work in JupyterLab, where a cell is run again and again: only there may a
    name be written twice.
    """

    folder: Path
    draft: bool = False
    _written: set[str] = field(default_factory=set, init=False)
    _estimates: dict[str, pd.DataFrame] = field(default_factory=dict, init=False)
    _sentences: list[dict[str, Any]] = field(default_factory=list, init=False)

    @classmethod
    def here(cls, notebook: str) -> "Output":
        """The run's folder (``COMPENDIUM_RUN_DIR``), or ``runs/<notebook>/draft`` by hand."""
        _check_name("notebook", notebook)
        run_dir = os.environ.get("COMPENDIUM_RUN_DIR")
        if run_dir:
            return cls(Path(run_dir))
        return cls(paths.RUNS / notebook / "draft", draft=True)

    def table(
        self,
        name: str,
        frame: pd.DataFrame,
        *,
        title: str,
        source: str,
        note: str = "",
        units: str = "",
        labels: Mapping[str, str] | None = None,
        formats: Mapping[str, str] | None = None,
        max_rows: int = 60,
    ) -> Shown:
        """Write ``tables/<name>.csv``, ``.tex`` and ``.docx`` and show the table.

        The CSV holds every row and twelve significant digits under the frame's own column
        names; the printed forms hold the first ``max_rows`` rows, ``labels`` as headings and
        ``formats`` (format specs by column, such as ``".2f"``). An index that is more than a row
        count becomes columns.
        """
        self._claim("table", name, title=title, source=source)
        flat = plain_frame(frame)
        table = frame_table(
            name,
            flat,
            labels=labels,
            formats=formats,
            max_rows=max_rows,
            title=title,
            units=units,
            note=note,
            source=source,
        )
        return self._write_table(table, csv_text(flat))

    def regression_table(
        self,
        name: str,
        models: Mapping[str, "Estimates"],
        *,
        title: str,
        source: str = "",
        note: str = "",
        labels: Mapping[str, str] | None = None,
        terms: list[str] | None = None,
        stars: bool = False,
    ) -> Shown:
        """Write and show several models side by side, as journals print them.

        ``models`` maps column headings to estimates, ``labels`` term and variable names to
        printed ones, ``terms`` chooses and orders the coefficients (all, by default). Standard
        errors are in parentheses; the note names their kind. The CSV has the unrounded estimate,
        standard error, p-value and interval of every term, whatever ``terms`` shows.
        """
        self._claim("table", name, title=title)
        table = regression_layout(
            name,
            models,
            labels=labels or {},
            terms=terms,
            stars=stars,
            title=title,
            note=note,
            source=source,
        )
        return self._write_table(table, csv_text(regression_csv(models)))

    def figure(self, name: str, figure: Figure, *, caption: str, source: str, alt: str) -> Shown:
        """Write ``figures/<name>.png`` (200 dpi) and ``.svg``, show the figure once, close it.

        ``source`` is printed at the foot of the figure; ``alt`` says what the figure shows to
        someone who cannot see it.
        """
        self._claim("figure", name, caption=caption, source=source, alt=alt)
        _print_source(figure, source)
        png = _figure_bytes(figure, "png", {"Software": None})
        svg = _figure_bytes(figure, "svg", {"Date": None, "Creator": None})
        plt.close(figure)
        write_atomically(self.folder / "figures" / f"{name}.png", png)
        write_atomically(self.folder / "figures" / f"{name}.svg", svg)
        kind, data = min((("svg+xml", svg), ("png", png)), key=lambda pair: len(pair[1]))
        return Shown(_figure_html(name, kind, data, caption, alt), f"[figure {name}] {caption}")

    def estimates(self, name: str, estimates: "Estimates") -> None:
        """Add a model to ``estimates.parquet``: one row per term, with the fit's facts.

        The file is rewritten whole, models in the order of their names, floats rounded to
        twelve significant digits.
        """
        self._claim("model", name)
        tidy = estimates.frame()
        tidy.insert(0, "model", name)
        self._estimates[name] = tidy
        frame = pd.concat([self._estimates[n] for n in sorted(self._estimates)], ignore_index=True)
        write_atomically(self.folder / "estimates.parquet", _parquet_bytes(frame))

    def say(self, template: str, **values: Any) -> Markdown:
        """A paragraph of Markdown whose numbers come from the run.

        ``template`` is a format string with named fields (``"{elasticity:.2f}"``). Fields and
        values must match one to one. The sentence, its values and any digits typed into the
        template go to ``sentences.json``, the numbers to ``estimates.parquet`` (model
        ``sentence 01`` for the run's first sentence, and so on). A number that is NaN is printed
        as an en dash.
        """
        from analysis.report import verdict_view

        text = _fill(template, values)
        model = f"sentence {len(self._sentences) + 1:02d}"
        if numbers := _numbers_said(template, values):
            self.estimates(model, verdict_view.number_estimates(numbers))
        self._write_sentence(
            text,
            template=template,
            values={key: _json_value(values[key]) for key in sorted(values)},
            typed_numbers=_typed_numbers(template),
            model=model,
        )
        return Markdown(text)

    def verdict(self, verdict: "Verdict", *, lang: str = "en") -> Shown:
        """Write a verdict and show it: the word, its estimates, what would change it.

        Its numbers go to ``estimates.parquet`` (model ``claim <id>``), the verdict as data to
        ``evidence/<id>.json``, from which the register is assembled, the findings to
        ``tables/verdict_<id>.csv``, the sentences to ``sentences.json``.
        """
        from analysis.report import verdict_view

        claim = verdict.claim
        self._claim("verdict", claim.id)
        named = _numbers_named(verdict)
        self.estimates(f"claim {claim.id}", verdict_view.as_estimates(verdict, named))
        evidence = verdict_view.evidence_text(verdict)
        write_atomically(self.folder / "evidence" / f"{claim.id}.json", evidence.encode())
        sentences = verdict_view.sentences_of(verdict, lang)
        self._record_sentences(sentences, verdict.numbers(), f"claim {claim.id}")
        if not verdict.findings:
            return verdict_view.shown(verdict, lang, sentences, "")
        table, numbers = verdict_view.findings_table(verdict, lang)
        written = self._write_table(table, csv_text(numbers))
        return verdict_view.shown(verdict, lang, sentences, written.markup)

    def keep(self, frames: Mapping[str, pd.DataFrame]) -> None:
        """Write frames to ``evidence/<name>.parquet``, for notebooks that read others' evidence.

        The key of such a run covers every file in the evidence folders and nothing else of a run.
        """
        for name, frame in frames.items():
            self._claim("evidence", name)
            path = self.folder / "evidence" / f"{name}.parquet"
            write_atomically(path, _parquet_bytes(frame))

    def answer(self, verdicts: "Sequence[Verdict]", *, lang: str = "en") -> Markdown:
        """The answers to claims in sentences: three for each, from the verdicts' numbers."""
        from analysis.claims import sentences

        texts = [sentences.answer(verdict, lang) for verdict in verdicts]
        for verdict, text in zip(verdicts, texts, strict=True):
            self._record_sentences([text], verdict.numbers(), f"claim {verdict.claim.id}")
        return Markdown("\n\n".join(texts))

    def entry(self, entry: "Entry", *, lang: str = "en") -> Shown:
        """A claim of the assembled register: its answer, and what would change it.

        Its numbers, the adjusted q-value among them, go to ``estimates.parquet``.
        """
        from analysis.claims import sentences
        from analysis.claims.assembly import changes
        from analysis.report import verdict_view

        verdict = entry.verdict
        if verdict is None:
            raise CompendiumError(f"{entry.claim.id} has no verdict: its notebook has not been run")
        self._claim("verdict", entry.claim.id)
        further = _numbers_named(verdict)
        if entry.is_tested:
            further["q-value"] = entry.q_value
        self.estimates(f"claim {entry.claim.id}", verdict_view.as_estimates(verdict, further))
        said = [sentences.answer(verdict, lang), *changes(entry, lang)]
        self._record_sentences(said, verdict.numbers() | further, f"claim {entry.claim.id}")
        return verdict_view.entry_shown(entry, lang, said)

    def register(self, entries: "Sequence[Entry]", *, lang: str = "en") -> Shown:
        """Write ``tables/register.csv`` and its printed forms: every claim with its verdict."""
        from analysis.report import verdict_view

        table, data = verdict_view.register_table(entries, lang)
        self._claim("table", table.name)
        return self._write_table(table, csv_text(plain_frame(data)))

    def tally(self, entries: "Sequence[Entry]", *, lang: str = "en") -> Markdown:
        """The assembled register in three sentences; their numbers go to ``estimates.parquet``."""
        from analysis.claims import sentences
        from analysis.claims.assembly import tally

        counts = tally(entries)
        return self._counted("register", counts, sentences.summary(counts, lang))

    def robustness(self, counts: Mapping[str, int], *, lang: str = "en") -> Markdown:
        """All curves and headlines in three sentences, from ``claims.robustness.counts``."""
        from analysis.claims import sentences

        return self._counted("robustness", counts, sentences.robustness(counts, lang))

    def _counted(self, model: str, counts: Mapping[str, int], text: str) -> Markdown:
        """A sentence about counts, with them in ``estimates.parquet``."""
        from analysis.report import verdict_view

        numbers = {f"{model}: {name}": float(count) for name, count in counts.items()}
        self.estimates(model, verdict_view.number_estimates(numbers))
        self._record_sentences([text], numbers, model)
        return Markdown(text)

    def _record_sentences(self, texts: list[str], values: Mapping[str, float], model: str) -> None:
        """Add generated sentences with the numbers they may show to ``sentences.json``.

        ``model`` says which rows of ``estimates.parquet`` hold these numbers.
        """
        numbers = {name: _json_value(values[name]) for name in sorted(values)}
        for text in texts:
            self._write_sentence(text, template="", values=numbers, typed_numbers=[], model=model)

    def _write_sentence(self, text: str, **facts: Any) -> None:
        """Add a sentence and what is known of it to ``sentences.json``."""
        self._sentences.append({"text": text, **facts})
        data = json.dumps(self._sentences, ensure_ascii=False, indent=1) + "\n"
        write_atomically(self.folder / "sentences.json", data.encode())

    def _write_table(self, table: Table, csv: str) -> Shown:
        stem = self.folder / "tables" / table.name
        write_atomically(stem.with_suffix(".csv"), csv.encode())
        write_atomically(stem.with_suffix(".tex"), to_latex(table).encode())
        write_atomically(stem.with_suffix(".docx"), to_docx(table))
        return Shown(to_html(table), f"[table {table.name}] {table.title}")

    def _claim(self, kind: str, name: str, **words: str) -> None:
        """Refuse a bad or taken name and empty words."""
        if kind != "model":  # a model's name is a label in a table, not a file
            _check_name(kind, name)
        for word, text in words.items():
            if not isinstance(text, str) or not text.strip():
                raise CompendiumError(f"{kind} '{name}' has no {word}: give {word}='…'")
        if f"{kind} {name}" in self._written and not self.draft:
            raise CompendiumError(
                f"{kind} '{name}' is written twice in this run: give each {kind} its own name"
            )
        self._written.add(f"{kind} {name}")


def _check_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise CompendiumError(
            f"{kind} name {name!r} cannot be a file name: use letters without accents, digits, "
            "'_' and '-', beginning with a letter or digit"
        )


# ---------------------------------------------------------------- figures


def _print_source(figure: Figure, source: str) -> None:
    """Print the source line below everything drawn, wrapped to the figure's width."""
    figure.canvas.draw()
    figure.set_layout_engine("none")  # what is drawn now is what both files get
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    size = 7.0
    characters = int((box.x1 - box.x0) * 72 / (size * 0.56))
    line = textwrap.fill(f"Source: {source}", max(characters, 40))
    y = (box.y0 - 0.12) / height
    figure.text(box.x0 / width, y, line, fontsize=size, color="0.35", ha="left", va="top")


def _figure_bytes(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    style: Any = {
        "svg.hashsalt": "compendium",
        "svg.fonttype": "path",
        "figure.constrained_layout.use": False,  # savefig would otherwise turn it on again
    }
    with mpl.rc_context(style):
        figure.savefig(
            buffer,
            format=kind,
            dpi=_PNG_DPI,
            bbox_inches="tight",
            pad_inches=0.1,
            facecolor="white",
            metadata=metadata,
        )
    return buffer.getvalue()


def _figure_html(name: str, kind: str, data: bytes, caption: str, alt: str) -> str:
    uri = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return (
        f'<figure class="figure" data-name="{name}">\n'
        f'<img src="{uri}" alt="{html.escape(alt, quote=True)}" style="max-width:100%">\n'
        f"<figcaption>{html.escape(caption)}</figcaption>\n</figure>"
    )


# ---------------------------------------------------------------- estimates


def _parquet_bytes(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table = pa.Table.from_pandas(round_significant(frame), preserve_index=False)
    pq.write_table(table.replace_schema_metadata(None), buffer, compression="zstd")
    return buffer.getvalue()


# ---------------------------------------------------------------- sentences


def _fill(template: str, values: Mapping[str, Any]) -> str:
    """The template with its values formatted, or an error naming the field that is wrong."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise CompendiumError(f"say: the template {template!r} is broken: {error}") from None
    fields = [name for _, name, _, _ in parts if name is not None]
    bad = [name for name in fields if not name.isidentifier()]
    if bad:
        raise CompendiumError(
            f"say: fields must be plain names such as {{share:.1f}}, not {{{bad[0]}}}"
        )
    missing, unused = sorted(set(fields) - set(values)), sorted(set(values) - set(fields))
    if missing or unused:
        problems = [f"no value is given for {', '.join(missing)}"] if missing else []
        problems += [f"the template never uses {', '.join(unused)}"] if unused else []
        raise CompendiumError(f"say: {'; '.join(problems)} (in {template!r})")
    return "".join(
        text + ("" if name is None else _word(name, values[name], spec or ""))
        for text, name, spec, _ in parts
    )


def _typed_numbers(template: str) -> list[str]:
    """Numbers that stand in the template itself and so do not come from the run."""
    literal = "\0".join(text for text, *_ in string.Formatter().parse(template))
    return re.findall(r"\d+(?:[.,]\d+)*", literal)


def _numbers_said(template: str, values: Mapping[str, Any]) -> dict[str, float]:
    """The numbers that ``template`` shows, by field, on the scale they are printed in.

    A field printed as a percentage is in per cent; numbers inside a text stand as they are there.
    """
    numbers: dict[str, float] = {}
    for _, name, spec, _ in string.Formatter().parse(template):
        value = values[name] if name is not None else None
        if isinstance(value, str):
            numbers |= _numbers_in(str(name), value)
        elif value is not None and not pd.isna(value) and math.isfinite(value):
            share = (spec or "").endswith("%")
            numbers[f"{name} (%)" if share else str(name)] = float(value) * (100 if share else 1)
    return numbers


def _numbers_named(verdict: "Verdict") -> dict[str, float]:
    """The numbers in the names of a verdict's own checks and in the reason why it has none."""
    names = [check.name for check in verdict.checks]
    texts = {f"check {n}": name[0] for n, name in enumerate(names, 1) if isinstance(name, tuple)}
    if verdict.unavailable is not None:
        texts["reason"] = verdict.unavailable.en
    return {key: n for name, text in texts.items() for key, n in _numbers_in(name, text).items()}


def _numbers_in(name: str, text: str) -> dict[str, float]:
    """The numbers that stand in a text, as they stand there."""
    found = (number.replace(",", "").replace("−", "-") for number in _NUMBER.findall(text))
    return {f"{name}, number {place}": float(number) for place, number in enumerate(found, 1)}


def _word(name: str, value: Any, spec: str) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return format(value, spec)
    if value is None or not isinstance(value, int | float | type(pd.NA)):
        raise CompendiumError(
            f"say: {name} is {value!r} ({type(value).__name__}): give a number or a string"
        )
    if pd.isna(value):
        return MISSING
    try:
        text = format(value, spec)
    except ValueError as error:
        raise CompendiumError(f"say: {{{name}:{spec}}} cannot format {value!r}: {error}") from None
    return text.replace("-", "−")


def _json_value(value: Any) -> Any:
    """The value as JSON holds it: numbers to twelve digits, NaN as null."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            return None if math.isnan(value) else str(value)
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return None if value is pd.NA else value

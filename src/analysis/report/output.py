"""What a notebook shows is what it writes: tables, figures, estimates and sentences of one run.

Each method of :class:`Output` writes files under the run's folder and returns an object that
displays the same content in the notebook, so that no number is shown that is not also on disk::

    out = Output.here("05_cluster_funding")
    out.table("coverage", frame, title="Regions with data", source="Eurostat")
    out.figure("map", figure, caption="…", alt="…", source="…")
    out.estimates("baseline", estimates)
    out.say("A doubling of funding goes with {change:.1f} % more patents.", change=change)
"""

import hashlib
import io
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from IPython.display import Markdown
from matplotlib.figure import Figure

from analysis import CompendiumError, paths
from analysis.atomic import write_atomically
from analysis.languages import catalogue
from analysis.models import round_significant
from analysis.panel.manifest import brought_files
from analysis.report.figure_files import figure_bytes, figure_html, print_source
from analysis.report.regression import regression_csv, regression_layout
from analysis.report.regression_names import Models
from analysis.report.said import (
    filled,
    json_value,
    numbers_named,
    numbers_said,
    typed_numbers,
)
from analysis.report.shown import Shown
from analysis.report.spreadsheet import to_xlsx
from analysis.report.table_latex import to_latex
from analysis.report.table_markup import to_html, to_html_page
from analysis.report.tables import (
    Table,
    csv_text,
    frame_table,
    plain_frame,
)
from analysis.report.word import to_docx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.claims import Entry, Verdict
    from analysis.models import Estimates

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass
class Output:
    """Writer of one run's results into ``folder``.

    ``draft`` is for work in JupyterLab, where a cell is run again and again: only there may a
    name be written twice. ``notebook`` and ``key`` say in the notes of spreadsheets which run a
    table is of.
    """

    folder: Path
    draft: bool = False
    notebook: str = ""
    key: str = ""
    _written: set[str] = field(default_factory=set, init=False)
    _estimates: dict[str, pd.DataFrame] = field(default_factory=dict, init=False)
    _samples: dict[str, str] = field(default_factory=dict, init=False)
    _sentences: list[dict[str, Any]] = field(default_factory=list, init=False)

    @classmethod
    def here(cls, notebook: str) -> "Output":
        """The run's folder (``COMPENDIUM_RUN_DIR``), or ``runs/<notebook>/draft`` by hand.

        ``COMPENDIUM_RUN_KEY`` is the key of the run.
        """
        _check_name("notebook", notebook)
        run_dir = os.environ.get("COMPENDIUM_RUN_DIR")
        if run_dir:
            key = os.environ.get("COMPENDIUM_RUN_KEY", "")
            return cls(Path(run_dir), notebook=notebook, key=key)
        return cls(paths.RUNS / notebook / "draft", draft=True, notebook=notebook)

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
        """Write ``tables/<name>`` as CSV, XLSX, LaTeX, HTML and Word and show the table.

        The CSV holds every row and twelve significant digits under the frame's own column
        names; so does the spreadsheet under ``labels``, its numbers shown as printed. The other
        forms hold the first ``max_rows`` rows, ``labels`` as headings and ``formats`` (format
        specs by column, such as ``".2f"``). An index that is more than a row count becomes columns.
        """
        source = _with_files(source)
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
        return self._write_table(table, flat)

    def regression_table(
        self,
        name: str,
        models: "Models | Mapping[str, Models]",
        *,
        title: str,
        source: str = "",
        note: str = "",
        labels: Mapping[str, str] | None = None,
        **layout: Any,
    ) -> Shown:
        """Write and show several models side by side, as journals print them.

        ``models`` maps column headings to estimates, or titles of panels to such mappings;
        ``labels`` maps term and variable names to printed ones; ``layout`` is handed to
        :func:`~analysis.report.regression.regression_layout`: ``terms``, ``stars``, ``below``,
        ``groups``, ``style``. The note names the kind of standard errors. The CSV, and the sheet
        of numbers in the spreadsheet, have the unrounded estimate, standard error, p-value and
        interval of every term, whatever is printed.
        """
        self._claim("table", name, title=title)
        table = regression_layout(
            name,
            models,
            labels=labels or {},
            title=title,
            note=note,
            source=_with_files(source),
            **layout,
        )
        return self._write_table(table, regression_csv(models), with_numbers=True)

    def figure(self, name: str, figure: Figure, *, caption: str, source: str, alt: str) -> Shown:
        """Write ``figures/<name>.png`` (200 dpi) and ``.svg``, show the figure once, close it.

        ``source`` is printed at the foot of the figure; ``alt`` says what the figure shows to
        someone who cannot see it.
        """
        self._claim("figure", name, caption=caption, source=source, alt=alt)
        print_source(figure, _with_files(source))
        png = figure_bytes(figure, "png", {"Software": None})
        svg = figure_bytes(figure, "svg", {"Date": None, "Creator": None})
        plt.close(figure)
        write_atomically(self.folder / "figures" / f"{name}.png", png)
        write_atomically(self.folder / "figures" / f"{name}.svg", svg)
        kind, data = min((("svg+xml", svg), ("png", png)), key=lambda pair: len(pair[1]))
        return Shown(figure_html(name, kind, data, caption, alt), f"[figure {name}] {caption}")

    def estimates(self, name: str, estimates: "Estimates") -> None:
        """Add a model to ``estimates.parquet``: one row per term, with the fit's facts.

        The file is rewritten whole, models in the order of their names, floats rounded to
        twelve significant digits. Which rows the model used goes to ``samples/``: a table for each
        set of rows, and ``models.json`` which says whose it is.
        """
        self._claim("model", name)
        tidy = estimates.frame()
        tidy.insert(0, "model", name)
        self._estimates[name] = tidy
        frame = pd.concat([self._estimates[n] for n in sorted(self._estimates)], ignore_index=True)
        write_atomically(self.folder / "estimates.parquet", _parquet_bytes(frame))
        if estimates.sample is not None:
            self._keep_sample(name, estimates.sample)

    def _keep_sample(self, model: str, sample: pd.DataFrame) -> None:
        """Models on the same rows share a file, named by its content."""
        columns = ["unit", "period"][: sample.shape[1]]
        rows = sample.astype("str").set_axis(columns, axis=1).sort_values(columns)
        data = _parquet_bytes(rows.reset_index(drop=True))
        file = f"{hashlib.sha256(data).hexdigest()[:16]}.parquet"
        self._samples[model] = file
        folder = self.folder / "samples"
        if not (folder / file).exists():
            write_atomically(folder / file, data)
        listed = json.dumps(self._samples, indent=1, sort_keys=True, ensure_ascii=False)
        write_atomically(folder / "models.json", f"{listed}\n".encode())

    def say(self, template: str, **values: Any) -> Markdown:
        """A paragraph of Markdown whose numbers come from the run.

        ``template`` is a format string with named fields (``"{elasticity:.2f}"``). Fields and
        values must match one to one. The sentence, its values and any digits typed into the
        template go to ``sentences.json``, the numbers to ``estimates.parquet`` (model
        ``sentence 01`` for the run's first sentence, and so on). A number that is NaN is printed
        as an en dash.
        """
        from analysis.report import verdict_view

        text = filled(template, values)
        model = f"sentence {len(self._sentences) + 1:02d}"
        if numbers := numbers_said(template, values):
            self.estimates(model, verdict_view.number_estimates(numbers))
        self._write_sentence(
            text,
            template=template,
            values={key: json_value(values[key]) for key in sorted(values)},
            typed_numbers=typed_numbers(template),
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
        named = numbers_named(verdict)
        self.estimates(f"claim {claim.id}", verdict_view.as_estimates(verdict, named))
        evidence = verdict_view.evidence_text(verdict)
        write_atomically(self.folder / "evidence" / f"{claim.id}.json", evidence.encode())
        sentences = verdict_view.sentences_of(verdict, lang)
        self._record_sentences(sentences, verdict.numbers(), f"claim {claim.id}")
        if not verdict.findings:
            return verdict_view.shown(verdict, lang, sentences, "")
        table, numbers = verdict_view.findings_table(verdict, lang)
        written = self._write_table(table, numbers)
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
        further = numbers_named(verdict)
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
        return self._write_table(table, plain_frame(data))

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
        numbers = {name: json_value(values[name]) for name in sorted(values)}
        for text in texts:
            self._write_sentence(text, template="", values=numbers, typed_numbers=[], model=model)

    def _write_sentence(self, text: str, **facts: Any) -> None:
        """Add a sentence and what is known of it to ``sentences.json``."""
        self._sentences.append({"text": text, **facts})
        data = json.dumps(self._sentences, ensure_ascii=False, indent=1) + "\n"
        write_atomically(self.folder / "sentences.json", data.encode())

    def _write_table(
        self, table: Table, data: pd.DataFrame, *, with_numbers: bool = False
    ) -> Shown:
        """Write a table in every form; ``data`` is the CSV and, if asked for, a sheet as well."""
        run = self._run(table.lang)
        contents = {
            ".csv": csv_text(data).encode(),
            ".xlsx": to_xlsx(table, run=run, numbers=data if with_numbers else None),
            ".tex": to_latex(table).encode(),
            ".html": to_html_page(table).encode(),
            ".docx": to_docx(table),
        }
        for suffix, content in contents.items():
            write_atomically(self.folder / "tables" / f"{table.name}{suffix}", content)
        return Shown(to_html(table), f"[table {table.name}] {table.title}")

    def _run(self, lang: str) -> str:
        """Which run this is, for the notes of a table."""
        words = catalogue("tables", lang)
        if not self.key:
            return words.text("run without key", notebook=self.notebook) if self.notebook else ""
        return words.text("run", notebook=self.notebook, key=self.key)

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


def _with_files(source: str) -> str:
    """A source line that also names the user's files joined to the data of the run."""
    files = [one["file"] for one in brought_files(paths.PROCESSED)] if source else []
    return "; ".join([source, *(file for file in files if file not in source)])


def _check_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise CompendiumError(
            f"{kind} name {name!r} cannot be a file name: use letters without accents, digits, "
            "'_' and '-', beginning with a letter or digit"
        )


# ---------------------------------------------------------------- estimates


def _parquet_bytes(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table = pa.Table.from_pandas(round_significant(frame), preserve_index=False)
    pq.write_table(table.replace_schema_metadata(None), buffer, compression="zstd")
    return buffer.getvalue()

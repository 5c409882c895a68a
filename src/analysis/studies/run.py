"""Running studies: compute, then compare; several at a time in processes."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

from analysis import CompendiumError
from analysis.studies.compare import Report, compare_study, not_run
from analysis.studies.compute import Failure, Results, compute_models
from analysis.studies.errors import DataAbsentError, StudyError
from analysis.studies.published import PublishedNumber, read_published
from analysis.studies.schema import StudyFolder, read_study
from analysis.studies.tables import load_tables, panel_of


def compute_study(study: StudyFolder, data_dir: Path | None) -> Results:
    """All models of a study from its data alone.

    Raises
    ------
    StudyError
        If the data are absent or not those the study was written for.
    """
    tables = load_tables(study, data_dir)
    panels = {name: panel_of(study, name) for name in tables}
    return compute_models(study.study, tables, panels)


def run_study(folder: Path, data_dir: Path | None = None) -> Report:
    """Compute a study and compare it with its printed numbers.

    Problems of the study become part of the report, so that one broken study stops no other.
    """
    start = time.perf_counter()
    try:
        study = read_study(folder)
        published = read_published(study.published_file)
    except CompendiumError as error:
        return Report(folder.name, errors=(str(error),))
    report = _outcome(study, published, data_dir)
    return replace(report, seconds=time.perf_counter() - start)


def _outcome(
    study: StudyFolder, published: Sequence[PublishedNumber], data_dir: Path | None
) -> Report:
    text = study.study
    report = Report(text.id, text.title, text.citation, text.doi or "", text.notes or "")
    try:
        results = compute_study(study, data_dir)
    except CompendiumError as error:
        message = str(error)
        report = replace(report, comparisons=not_run(published, message))
        if isinstance(error, DataAbsentError):
            return replace(report, absent=message)
        return replace(report, errors=(message,))
    return replace(
        report,
        comparisons=compare_study(text, published, results),
        errors=tuple(one.message for one in results.values() if isinstance(one, Failure)),
    )


def run_studies(
    folders: Sequence[Path],
    data_dir: Path | None = None,
    jobs: int = 1,
    notify: Callable[[Report], None] = lambda report: None,
) -> list[Report]:
    """Reports of all ``folders`` in their order; ``notify`` is called as each one is done."""
    if jobs == 1 or len(folders) < 2:
        reports = []
        for folder in folders:
            reports.append(run_study(folder, data_dir))
            notify(reports[-1])
        return reports
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(folders)), mp_context=context) as pool:
        futures = {pool.submit(run_study, folder, data_dir): folder for folder in folders}
        done = {}
        for future in as_completed(futures):
            try:
                done[futures[future]] = future.result()
            except BrokenProcessPool:
                raise StudyError(
                    "a process that computed studies was ended from outside, perhaps for lack of "
                    "memory; run again with --jobs 1"
                ) from None
            notify(done[futures[future]])
    return [done[folder] for folder in folders]

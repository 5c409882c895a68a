"""Fetching datasets: one publisher at a time each, every failure kept apart."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pandas as pd

from analysis import CompendiumError
from analysis.sources.declared import Declaration
from analysis.sources.fetch import cohesion, eurostat, oecd, worldbank
from analysis.sources.fetch.addresses import interfaces
from analysis.sources.fetch.carried import Place, carried_rows, chosen, nuts_lists, places
from analysis.sources.fetch.http import Limits, Line, new_client
from analysis.sources.fetch.problems import FetchError, UnreachableError
from analysis.sources.fetch.published import Client
from analysis.sources.fetch.session import Session, open_session
from analysis.sources.fetch.tables import FetchedEntry, write_fetched
from analysis.sources.fetch.tidy import tidy
from analysis.sources.territories import CodeLists

CLIENTS: dict[str, Client] = {
    "eurostat": eurostat.fetch,
    "oecd": oecd.fetch,
    "worldbank": worldbank.fetch,
    "cohesion": cohesion.fetch,
}

NOT_TRIED = "not tried: the publisher's server could not be reached a moment ago"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one dataset: its entry, or the reason why it was not fetched."""

    place: Place
    entry: FetchedEntry | None
    failure: str = ""
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a fetch reads and writes: carried tables, fetched tables, answers of publishers."""

    raw: Path
    fetched: Path
    downloads: Path


Notify = Callable[[Outcome], None]


def refresh(
    names: list[str],
    folders: Folders,
    declared: Declaration,
    *,
    line: Line | None = None,
    offline: bool = False,
    from_cache: bool = False,
    jobs: int = 4,
    notify: Notify = lambda outcome: None,
) -> list[Outcome]:
    """Fetch the datasets named (all that can be, by default) into ``folders.fetched``.

    Publishers are asked in parallel, at most ``jobs`` of them, each for one thing at a time. A
    dataset that fails leaves what there was of it; the others go on. The outcomes come in the
    order asked for. Raises FetchError for names that stand for nothing.
    """
    todo = chosen(names, declared)
    by_publisher: dict[str, list[Place]] = {}
    for place in todo:
        by_publisher.setdefault(place.dataset.publisher, []).append(place)
    bases, lists = interfaces(declared), nuts_lists(folders.raw)
    with _line(line) as (open_line, stop):
        session = open_session(folders.downloads, open_line, offline=offline, from_cache=from_cache)
        work = _Work(bases, session, folders, lists, notify, stop)
        # of this kind of pool nobody waits for the threads: an interruption takes effect at once
        with ThreadPool(min(jobs, len(by_publisher))) as pool:
            try:
                groups = pool.map(work.of_publisher, by_publisher.values(), chunksize=1)
            except BaseException:  # an interruption, too, ends the waits of the others
                stop.set()
                raise
    done = [outcome for group in groups for outcome in group]
    return sorted(done, key=lambda outcome: todo.index(outcome.place))


@contextmanager
def _line(line: Line | None) -> Iterator[tuple[Line, threading.Event]]:
    """The line to use, and the signal that cuts its waits short."""
    stop = threading.Event()
    if line is not None:
        yield line, stop
        return

    def pause(seconds: float) -> None:
        if stop.wait(seconds):
            raise FetchError("interrupted")

    limits = Limits()
    with new_client(limits) as client:
        yield Line(client, limits, sleep=pause), stop


@dataclass(frozen=True)
class _Work:
    """What the threads share; each takes the datasets of one publisher."""

    bases: dict[str, str]
    session: Session
    folders: Folders
    lists: CodeLists
    notify: Notify
    stop: threading.Event
    writing: threading.Lock = field(default_factory=threading.Lock)

    def of_publisher(self, todo: list[Place]) -> list[Outcome]:
        """Fetch one after the other; a server that is down is not tried for every dataset."""
        done: list[Outcome] = []
        for place in todo:
            if self.stop.is_set():
                break
            if done and done[-1].unreachable and not self.session.from_cache:
                done.append(Outcome(place, None, NOT_TRIED, unreachable=True))
                continue
            done.append(self.one(place))
            self.notify(done[-1])
        return done

    def one(self, place: Place) -> Outcome:
        """Fetch a dataset, make observations of it, and put them into the folder."""
        query = place.dataset.query
        assert query is not None, "chosen() returns datasets with a query"
        session = replace(self.session, used=[])
        base = self.bases[place.dataset.publisher]
        try:
            published = CLIENTS[query.client](query, base, place.dataset, session)
            carried = carried_rows(place, self.folders.raw)
            result = tidy(published, place.dataset, carried, self.lists)
            with self.writing:
                entry = write_fetched(place, result, session.used, self.folders.fetched)
        except UnreachableError as error:
            return Outcome(place, None, str(error), unreachable=True)
        except CompendiumError as error:
            return Outcome(place, None, str(error))
        except OSError as error:
            where = error.filename or self.folders.fetched.parent
            return Outcome(place, None, f"{where}: {error.strerror or error}")
        return Outcome(place, entry)


def fetch_listing(declared: Declaration) -> pd.DataFrame:
    """One row per carried dataset: ``table, dataset, vintage, client, how``.

    ``how`` is the code and the choice of codes asked of the publisher, or the reason why the
    dataset is not fetched (``client`` is then empty).
    """
    rows = []
    for place in places(declared):
        query = place.dataset.query
        how = place.dataset.not_fetched or ""
        if query is not None:
            choice = "; ".join(f"{key} = {', '.join(codes)}" for key, codes in query.where.items())
            how = " ".join(filter(None, [query.code, choice, ", ".join(query.series)]))
        rows.append(
            {
                "table": place.table,
                "dataset": place.dataset.code,
                "vintage": place.dataset.vintage if "{" not in place.dataset.vintage else "",
                "client": query.client if query else "",
                "how": how,
            }
        )
    return pd.DataFrame(rows)

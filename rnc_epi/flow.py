"""The corridor: a study from its extract to its staged release, one call a stage, no arithmetic.

    read_study -> open_extract -> CellBuilder.cells -> indicators -> protect -> stage

Each arrow is a table with a named schema; nothing reaches the last stage except through disclosure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from rnc_epi.adding_up import hierarchy_of
from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.cells.detail import Detail, detail_of
from rnc_epi.cells.gaps import national_gaps
from rnc_epi.cells.table import Cells, concatenate
from rnc_epi.chapters import CHAPTERS, not_said_again, whole_country_chapter
from rnc_epi.disclosure import add_gradients, add_maps, load_policy, protect, published_counts
from rnc_epi.extracts.classification import apply_codes
from rnc_epi.extracts.geography import notice_of_outlines
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.quality import quality_report
from rnc_epi.indicators.rows import joined
from rnc_epi.indicators.tables import indicators, not_covered_rows
from rnc_epi.quality_marks import marked, without_blocked
from rnc_epi.release import release_metadata, stage
from rnc_epi.release.audit_trail import append_to_trail, record_run, require_trail, study_hash
from rnc_epi.release.folders import require_output_folder
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS
from rnc_epi.vocabulary.errors import NotCovered, RncEpiError
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.schemas import as_result
from rnc_epi.vocabulary.sites import SITES, mortality_caveats
from rnc_epi.vocabulary.study import Quality, Study, read_study

if TYPE_CHECKING:
    from rnc_epi.extracts.opening import Extract
    from rnc_epi.vocabulary.hierarchy import Hierarchy
    from rnc_epi.vocabulary.policy import Policy

#: Strata whose rates are computed together; each is a row of some 20 age bands.
STRATA_AT_ONCE: Final = 50_000

#: Called with the name of a stage when it begins; what it returns is called when it ends.
Progress = Callable[[str], Callable[[], None]]


def silent(_: str) -> Callable[[], None]:
    """Report nothing: the progress of a job that nobody watches."""
    return lambda: None


@contextmanager
def stage_of(progress: Progress, name: str) -> Iterator[None]:
    """Report the beginning and the end of a stage."""
    end = progress(name)
    yield
    end()


@dataclass(frozen=True)
class Computed:
    """What a study computed, before disclosure: full figures, for the internal zone only.

    Parameters
    ----------
    results : DataFrame
        Rates and chapters in the one result table.
    hierarchy : Hierarchy
    areas : DataFrame
    internal : mapping of str to DataFrame
        What chapters leave for the internal zone: validation, diagnostics.
    groupings : DataFrame
        How areas were cut into groups, one row a grouping; public.
    maps_of : sequence of callable
        Smoothed maps to be made of published counts, once these are known.
    gradients_of : sequence of callable
        Gradients that borrow from many areas, to be made of the published table.
    """

    results: pd.DataFrame
    hierarchy: Hierarchy
    areas: pd.DataFrame
    internal: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    groupings: pd.DataFrame = field(default_factory=pd.DataFrame)
    maps_of: Sequence[Callable[[pd.DataFrame], pd.DataFrame]] = ()
    gradients_of: Sequence[Callable[[pd.DataFrame], pd.DataFrame]] = ()


def run(
    study_file: str | Path,
    out: str | Path,
    *,
    progress: Progress = silent,
    memory_limit: str | None = None,
    threads: int | None = None,
    oppositions: str | Path | None = None,
    today: date | None = None,
) -> Path:
    """Compute a study and stage its release; return the folder of the staged release.

    Parameters
    ----------
    study_file : path of the TOML study file
    out : path
        Folder that will hold ``staged/`` and ``internal/``.
    progress : callable, optional
        Is given the name of each stage as it begins and ends; silent by default.
    memory_limit : str, optional
        Of DuckDB, such as ``"4GB"``.
    threads : int, optional
        Of DuckDB; no result depends on it.
    oppositions : path, optional
        List of the persons whose rows are taken out first; it wins over the one that the study names.
    today : date, optional
        Day on which the term of the extract is judged; the current day without it.

    Returns
    -------
    Path
        Folder of the staged release, for :func:`rnc_epi.release.publish`.

    Raises
    ------
    StudyFileError, ExtractRefused, DisclosureRefused
        The study, the extract, or what would leave it, with the code that says why.
    FileProblem
        ``S024`` no such study file; a file that is missing, stands there already or cannot be written.

    Examples
    --------
    >>> from rnc_epi.vocabulary.errors import FileProblem
    >>> try:
    ...     run("no/such/study.toml", "out")
    ... except FileProblem as problem:
    ...     problem.code
    'S024'
    """
    study, extract_path = read_study(study_file)
    return run_study(
        study,
        extract_path,
        out,
        progress=progress,
        memory_limit=memory_limit,
        threads=threads,
        oppositions=oppositions,
        today=today,
        folder=Path(study_file).parent,
    )


def run_study(
    study: Study,
    extract_path: Path,
    out: str | Path,
    *,
    progress: Progress = silent,
    memory_limit: str | None = None,
    threads: int | None = None,
    oppositions: str | Path | None = None,
    today: date | None = None,
    folder: Path | None = None,
) -> Path:
    """Compute a study on an extract and stage its release; the path that the study states is not read.

    The run is added to the trail of the internal zone, with the code of the error where it ends in one.

    Parameters
    ----------
    oppositions, today
        As for `run`.
    folder : path, optional
        Where the path of a policy file starts, and that of the list that the study names.
    """
    require_output_folder(Path(out))
    trail = Path(out) / "internal"
    require_trail(trail)
    if oppositions is None and study.oppositions is not None:
        oppositions = (folder or Path()) / study.oppositions
    try:
        staged = _staged(
            study,
            extract_path,
            Path(out),
            progress,
            {"memory_limit": memory_limit, "threads": threads, "oppositions": oppositions, "today": today},
            folder,
        )
    except BaseException as problem:
        # What nobody foresaw, and an interruption, leave their line too.
        outcome = problem.code if isinstance(problem, RncEpiError) else type(problem).__name__
        append_to_trail(
            trail,
            action="run",
            outcome=outcome,
            study_sha256=study_hash(study.parameters()),
            judged_on=today,
        )
        raise
    record_run(trail, staged, study=study.parameters(), judged_on=today)
    return staged


def _staged(
    study: Study,
    extract_path: Path,
    out: Path,
    progress: Progress,
    opening: Mapping[str, Any],
    folder: Path | None,
) -> Path:
    """Compute, protect and stage; the options of `opening` are those of `open_extract`."""
    with stage_of(progress, "open"):
        extract = open_extract(extract_path, **opening)
    try:
        codes = study.quality or Quality()
        with stage_of(progress, "codes"):
            apply_codes(extract, multiple_primaries=codes.multiple_primaries, uterus=codes.share_out_uterus)
        sources = extract.sources()
        thresholds = {row.source: int(row.disclosure_threshold) for row in sources.itertuples(index=False)}
        policy = load_policy(
            study.disclosure.policy, source_thresholds=thresholds, lifts=study.lifts(), folder=folder
        )
        computed = compute(study, extract, policy, progress=progress)
        with stage_of(progress, "protect"):
            releasable, protection = protect(
                computed.results, computed.hierarchy, policy, caveats=mortality_caveats()
            )
        for maps_of in computed.maps_of:
            with stage_of(progress, "maps"):
                maps = maps_of(published_counts(releasable))
                releasable = add_maps(releasable, maps, policy, caveats=mortality_caveats())
        for gradients_of in computed.gradients_of:
            with stage_of(progress, "gradients"):
                rows = gradients_of(releasable.table)
                releasable = add_gradients(releasable, rows, policy, caveats=mortality_caveats())
        with stage_of(progress, "stage"):
            return stage(
                [releasable],
                policy=policy,
                metadata=release_metadata(
                    study,
                    sources,
                    computed.areas,
                    releasable.table,
                    policy,
                    outline_notice=notice_of_outlines(computed.areas),
                    groupings=computed.groupings,
                ),
                hierarchy=computed.hierarchy,
                areas=computed.areas,
                accounting=extract.accounting.frame(),
                manifest_facts={
                    "extract_fingerprint": extract.fingerprint(),
                    "parameters": study.parameters(),
                },
                formats=tuple(study.outputs.formats),
                internal_tables={"results": computed.results, **computed.internal},
                protection=protection,
                out=out,
            )
    finally:
        extract.close()


def compute(study: Study, extract: Extract, policy: Policy, *, progress: Progress = silent) -> Computed:
    """Return the indicators of a study with full figures, as finely as the publication plan lets out."""
    with stage_of(progress, "cells"):
        builder = CellBuilder(extract)
        areas = builder.areas()
        detail = detail_of(policy, set(areas["geo_level"]), tuple(study.select.events))
        selection = selection_of(study, builder, detail)
    with stage_of(progress, "indicators"):
        parts = []
        # A few sites at a time: the cells of a whole nation are never held together.
        for event_type, cells in batches(builder.stream(selection)):
            parts.append(indicators(cells, study.rates, detail.keeps_ages(cells.strata), compact=True))
            if event_type == "incidence":
                parts.append(not_covered_rows(national_gaps(cells, areas), study.rates.standards))
        parts = [rows for part in parts if len(rows := _of_levels_asked(part, study))]
        if not parts:
            raise NotCovered("K004", found=", ".join(selection.sites))
    report = None
    if study.quality is not None and study.quality.rules != "ignore":
        with stage_of(progress, "quality"):
            report = quality_report(extract)
    block = study.quality is not None and study.quality.rules == "block"
    # What may not be shown teaches no ratio either.
    withheld = partial(without_blocked, report=report) if block and report is not None else None
    learned = partial(whole_country_chapter, withheld=withheld)
    found = []
    for name, chapter in (CHAPTERS | {"calibration": learned}).items():
        if getattr(study, name) is not None:
            with stage_of(progress, name):
                found.append(chapter(study, selection.sites, extract, builder))
    beside = [not_said_again(chapter.results, parts) for chapter in found]
    results = as_result(joined([*parts, *beside]))
    if report is not None:
        results = marked(results, report, block=block)
    _require_periods(selection, results)
    groupings = [chapter.groupings for chapter in found if chapter.groupings is not None]
    return Computed(
        results,
        hierarchy_of(results, builder, [table for chapter in found for table in chapter.strata]),
        areas,
        {name: table for chapter in found for name, table in chapter.internal.items()},
        pd.concat(groupings, ignore_index=True) if groupings else pd.DataFrame(),
        tuple(chapter.maps_of for chapter in found if chapter.maps_of is not None),
        tuple(chapter.gradients_of for chapter in found if chapter.gradients_of is not None),
    )


def _require_periods(selection: Selection, results: pd.DataFrame) -> None:
    """Refuse a year or period that is asked for and gives no figure at any level, in any chapter.

    Raises
    ------
    NotCovered
        K012, with the years and periods that do.
    """
    pairs = results[["period_from", "period_until"]].drop_duplicates().itertuples(index=False, name=None)
    given = {Period(int(start), int(stop)) for start, stop in pairs}
    asked = [*(Period(year, year + 1) for year in selection.years), *selection.pooled]
    if missing := [period for period in asked if period not in given]:
        raise NotCovered(
            "K012",
            found=", ".join(period.label for period in missing),
            expected=", ".join(period.label for period in sorted(given)),
        )


def _of_levels_asked(rows: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return rows without the levels that serve as a reference for ratios only."""
    asked = study.select.geo_levels
    return rows[rows["geo_level"].isin(asked)] if asked and len(rows) else rows


def batches(stream: Iterable[tuple[str, str, Cells]]) -> Iterator[tuple[str, Cells]]:
    """Yield cells of several sites together, of one type of event and the same age bands each time.

    A table of a few hundred strata costs as much as one of thousands.
    """
    held: dict[tuple[str, BandSet], list[Cells]] = {}
    for event_type, _, cells in stream:
        key = (event_type, cells.bands)
        parts = held.setdefault(key, [])
        parts.append(cells)
        if sum(map(len, parts)) >= STRATA_AT_ONCE:
            yield event_type, concatenate(held.pop(key))
    for (event_type, _), parts in held.items():
        yield event_type, concatenate(parts)


def selection_of(study: Study, builder: CellBuilder, detail: Detail | None = None) -> Selection:
    """Return what a study selects; without stated sites, the French reporting list as far as it is covered.

    Raises
    ------
    NotCovered
        K005, a stated site that the extract covers for none of the events asked; K011, a level of geography
        that it does not have.
    """
    held = set(builder.areas()["geo_level"])
    levels = list(study.select.geo_levels)
    if unknown := [level for level in levels if level not in held]:
        raise NotCovered("K011", found=", ".join(unknown), expected=", ".join(sorted(held)))
    if levels and "sir" in study.rates.indicators:
        # Ratios compare with the nation or with all registries, whether these are shown or not.
        levels += [level for level in (*NATIONAL_LEVELS, "registry_zone") if level in held - set(levels)]
    events = tuple(study.select.events)
    available = {slug for event in events for slug in builder.available_sites(event)}
    if study.select.sites:
        missing = [slug for slug in study.select.sites if slug in SITES and slug not in available]
        if missing:
            raise NotCovered("K005", found=", ".join(missing), expected=", ".join(sorted(available)))
        sites = tuple(study.select.sites)
    else:
        sites = tuple(slug for slug, entry in SITES.items() if entry.french_report and slug in available)
    return Selection(
        sites=sites,
        sexes=tuple(study.select.sexes),
        event_types=events,
        geo_levels=tuple(levels),
        years=tuple(study.select.years),
        pooled=tuple(Period.parse(label) for label in study.select.pooled),
        detail=detail,
    )

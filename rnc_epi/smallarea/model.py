"""The estimator of small-area risks: tables in, smoothed risks with their certainty out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths import smallarea as maths
from rnc_epi.maths.requirements import require_choice, require_finite, require_numbers, require_whole
from rnc_epi.smallarea.graph import AREA, AreaGraph
from rnc_epi.smallarea.mapped import NATIONAL, MappedCounts, mapped_counts
from rnc_epi.smallarea.periods import mapped_periods
from rnc_epi.smallarea.variation import ranks_of, variation_of
from rnc_epi.vocabulary.draws import Draws, seed_of
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

if TYPE_CHECKING:
    from rnc_epi.cells.table import Cells

#: A posterior mean that moves by more than this many standard deviations when half of the grid of the
#: hyperparameters is left out says that the grid is too coarse for these data.
LARGEST_GRID_CHANGE: Final = 0.25

#: What draws may be of: cases are divided by those expected first.
RATIOS: Final = ("relative_risk", "ratio")

#: Draws needed for each area, so that the covariance of their logarithms is told from noise.
DRAWS_PER_AREA: Final = 5


class SmallAreaModel:
    """Smoothed relative risks of the areas of a map.

    Parameters
    ----------
    model : {"bym2", "independent", "icar", "bym", "leroux"}
    threshold : float
        Relative risk whose exceedance is judged.
    priors : mapping, optional
        Prior by name of hyperparameter (see :mod:`rnc_epi.maths.smallarea`); the others keep their default.
    covariates : DataFrame or array, optional
        A table with the keys of the areas and one column a covariate (centres ``x, y`` are none), or columns
        in the order of the graph.
    level : float
        Coverage of the credible limits.
    seed : int
        For draws.
    reference : {"national", "pooled"}
        Whose rates give the expected events.
    high, low : float
        Classes: higher where the exceedance probability is above `high`, lower where under `low`.
    interaction : {None, "none", "I", "II"}
        Without it the model is of one period. With it, of several consecutive ones together (model "bym2"):
        what an area and a period have of their own is nothing, white noise, or a curve in each area.
    time : {"random-walk", "autoregressive"}
        What a curve over periods is.

    Attributes
    ----------
    areas_ : DataFrame
        Keys of the rows that follow; over several periods, area by area, its periods in time.
    relative_risk_, median_, sd_, lower_, upper_ : arrays (areas,)
        Posterior mean, median, standard deviation and limits of the relative risk.
    exceedance_ : array (areas,)
        Probability that the risk exceeds the threshold.
    risk_class_ : int array (areas,)
        -1 lower, 0 not distinct, 1 higher.
    hyperparameters_, coefficients_ : dict of str to ParameterSummary
    diagnostics_ : Diagnostics
    result_ : SmallAreaFit
        Everything, from :mod:`rnc_epi.maths.smallarea`.
    counts_ : MappedCounts, tuple of MappedCounts or None
        Observed and expected events (one a period); None for estimates.

    References
    ----------
    Riebler et al. (2016), doi:10.1177/0962280216660421. Richardson et al. (2004), doi:10.1289/ehp.6740.
    """

    result_: maths.SmallAreaFit
    areas_: pd.DataFrame
    graph_: AreaGraph
    counts_: MappedCounts | tuple[MappedCounts, ...] | None

    def __init__(
        self,
        model: str = "bym2",
        *,
        threshold: float = 1.0,
        priors: Mapping[str, Any] | None = None,
        covariates: pd.DataFrame | ArrayLike | None = None,
        level: float = 0.95,
        seed: int = 0,
        reference: str = NATIONAL,
        high: float = 0.8,
        low: float = 0.2,
        interaction: str | None = None,
        time: str = "random-walk",
    ) -> None:
        self.model = model
        self.threshold = threshold
        self.priors = priors
        self.covariates = covariates
        self.level = level
        self.seed = seed
        self.reference = reference
        self.high, self.low = high, low
        self.interaction, self.time = interaction, time

    def fit(
        self, cells: Cells | MappedCounts | Sequence[MappedCounts] | Draws, graph: AreaGraph | None = None
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        cells : Cells, MappedCounts, sequence of MappedCounts or Draws
            Counts of one event, site, sex and period: every area of the graph, and the nation where the
            reference is national. With an interaction, of two periods or more. Or joint draws of ratios
            (calibrated cases over expected ones), one row an area: the model is then fitted to their
            logarithms with the full covariance of their errors (ruling 23).
        graph : AreaGraph
            Not needed with :class:`MappedCounts`, which hold theirs.

        Returns
        -------
        SmallAreaModel
            Itself, with what the attributes say.

        Raises
        ------
        InputError
            A030, A031 data and map of different areas, A036, A040, M002 no graph, M005 draws of what is no
            ratio, A047 periods not in a row, and those of :func:`rnc_epi.maths.smallarea.fit`.
        EstimateRefused
            A020-A024, A027, A039: nothing is estimated rather than something doubtful.

        Examples
        --------
        Ratios 0.5, 1 and 1.5 of 80 expected events each, drawn a little together:

        >>> from rnc_epi.cells.table import Cells
        >>> from rnc_epi.vocabulary.ages import BandSet
        >>> areas = pd.DataFrame({"geo_level": "zone", "geo_code": list("abc"), "geo_vintage": "v"})
        >>> strata = areas.assign(event_type="death", source="s", site="lung", sex=1, period_from=2016,
        ...     period_until=2021)
        >>> cells = Cells(strata, BandSet.from_starts([0]), np.array([[40], [80], [120]]), np.zeros(3, int),
        ...     np.full((3, 1), 1e4))
        >>> graph = AreaGraph(areas, np.array([[0, 1], [1, 2]]))
        >>> model = SmallAreaModel(reference="pooled").fit(cells, graph)
        >>> model.relative_risk_.round(1).tolist(), model.risk_class_.tolist()
        ([0.5, 1.0, 1.5], [-1, 0, 1])
        """
        require_whole(self.seed, "seed", least=0)
        if isinstance(cells, Draws):
            self._fit_draws(cells, _given(graph))
        elif self.interaction is not None:
            parts = cells if isinstance(cells, Sequence) else None
            if parts is None:
                parts = mapped_periods(cells, _given(graph), reference=self.reference)  # type: ignore[arg-type]
            self._fit_periods(tuple(parts))
        else:
            counts = cells if isinstance(cells, MappedCounts) else None
            if counts is None:
                counts = mapped_counts(cells, _given(graph), reference=self.reference)  # type: ignore[arg-type]
            self._fit_counts(counts)
        change = self.result_.diagnostics.grid_change
        if change > LARGEST_GRID_CHANGE:
            raise EstimateRefused(
                "A039", name="grid_change", found=f"{change:.2f}", expected=LARGEST_GRID_CHANGE
            )
        return self

    def _fit_counts(self, counts: MappedCounts) -> None:
        rows = counts.fitted
        self.counts_, self.graph_ = counts, counts.graph
        self.areas_ = counts.strata[rows].reset_index(drop=True)
        self.result_ = maths.fit(
            counts.observed[rows],
            counts.expected[rows],
            self.graph_.maths,
            model=self.model,
            covariates=self._columns(self.graph_),
            priors=self.priors,
            level=self.level,
            seed=seed_of(_name(self.areas_), self.seed),
        )

    def _fit_periods(self, counts: tuple[MappedCounts, ...]) -> None:
        require_choice(self.model, ("bym2",), "model")
        rows = [part.fitted for part in counts]
        tables = [part.strata[of].reset_index(drop=True) for part, of in zip(counts, rows, strict=True)]
        observed = [part.observed[of] for part, of in zip(counts, rows, strict=True)]
        expected = [part.expected[of] for part, of in zip(counts, rows, strict=True)]
        if len({len(table) for table in tables}) != 1 or len(tables) < 2:
            raise InputError("A047", found=", ".join(str(len(table)) for table in tables))
        self.counts_, self.graph_ = counts, counts[0].graph
        # Area by area, its periods in time: as the cells of the model stand.
        self.areas_ = pd.concat(tables).sort_index(kind="stable").reset_index(drop=True)
        columns = self._columns(self.graph_)
        if columns is not None and columns.ndim < 3:
            columns = np.repeat(columns.reshape(len(columns), 1, -1), len(counts), axis=1)
        self.result_ = maths.fit_spacetime(
            np.column_stack(observed),
            np.column_stack(expected),
            self.graph_.maths,
            interaction=str(self.interaction),
            time=self.time,
            covariates=columns,
            priors=self.priors,
            level=self.level,
            seed=seed_of(_name(self.areas_), self.seed),
        )

    def _fit_draws(self, draws: Draws, graph: AreaGraph) -> None:
        # Draws of cases would give a map of the number of inhabitants.
        require_choice(draws.quantity, RATIOS, "quantity")
        place = graph.positions(draws.index)
        outside = place < 0
        if outside.any():
            first = draws.index["geo_code"].iloc[int(np.argmax(outside))]
            raise InputError("A030", found=int(outside.sum()), where=first)
        if np.unique(place).size < place.size:
            raise InputError("A036", found=len(place), name="geo_code")
        if place.size < len(graph):
            absent = np.setdiff1d(np.arange(len(graph)), place)
            raise InputError("A031", found=absent.size, where=graph.areas["geo_code"].iloc[absent[0]])
        order = np.argsort(place)
        values = require_finite(draws.values, "draws")[order]
        if values.shape[1] < DRAWS_PER_AREA * len(order):
            raise InputError("A040", found=values.shape[1], expected=len(order))
        if not (values > 0).all():
            raise InputError("M004", what="draws", expected="(0, inf)", found="0")
        logs = np.log(values)
        self.counts_, self.graph_ = None, graph
        self.areas_ = draws.index.iloc[order].reset_index(drop=True)
        self.result_ = maths.fit_gaussian(
            logs.mean(axis=1),
            np.atleast_2d(np.cov(logs)),
            graph.maths,
            model=self.model,
            covariates=self._columns(graph),
            priors=self.priors,
            level=self.level,
            seed=seed_of(draws.model_id, self.seed),
        )

    def _columns(self, graph: AreaGraph) -> NDArray[np.float64] | None:
        """Return the covariates in the order of the fitted areas."""
        if self.covariates is None:
            return None
        if not isinstance(self.covariates, pd.DataFrame):
            return np.asarray(self.covariates, dtype=np.float64)
        table = self.covariates
        absent = [name for name in AREA if name not in table]
        if absent:
            raise InputError(
                "M002", what="covariates", expected=", ".join(AREA), found=", ".join(table.columns)
            )
        if table.duplicated(AREA).any():
            raise InputError("A036", found=int(table.duplicated(AREA).sum()), name="geo_code")
        names = self._covariate_names()
        found = graph.areas[AREA].merge(table, on=AREA, how="left")
        missing = found[names].isna().any(axis=1)
        if missing.any():
            raise InputError("A031", found=int(missing.sum()), where=found.loc[missing, "geo_code"].iloc[0])
        return np.column_stack([require_numbers(found[name].to_numpy(), str(name)) for name in names])

    def _covariate_names(self) -> list[str]:
        """Return the columns of a table of covariates: neither keys of areas nor their centres."""
        if not isinstance(self.covariates, pd.DataFrame):
            return []
        return [str(name) for name in self.covariates.columns if name not in (*AREA, "x", "y")]

    def __getattr__(self, name: str) -> Any:
        # Only called for what is not there: a result of a model that is not fitted, or a name with a slip.
        if name.endswith("_") and not name.startswith("_"):
            raise InputError("A045")
        raise AttributeError(name)

    @property
    def relative_risk_(self) -> NDArray[np.float64]:
        """Posterior mean of the relative risk (areas,)."""
        return self.result_.relative_risk

    @property
    def median_(self) -> NDArray[np.float64]:
        """Posterior median (areas,)."""
        return self.result_.median

    @property
    def sd_(self) -> NDArray[np.float64]:
        """Posterior standard deviation (areas,)."""
        return self.result_.sd

    @property
    def lower_(self) -> NDArray[np.float64]:
        """Lower credible limit (areas,)."""
        return self.result_.lower

    @property
    def upper_(self) -> NDArray[np.float64]:
        """Upper credible limit (areas,)."""
        return self.result_.upper

    @property
    def exceedance_(self) -> NDArray[np.float64]:
        """Probability that the risk exceeds the threshold (areas,)."""
        return self.result_.exceedance(self.threshold)

    @property
    def risk_class_(self) -> NDArray[np.int64]:
        """Class by that probability (areas,): 1 higher, -1 lower, 0 not distinct."""
        return maths.evidence_classes(self.exceedance_, high=self.high, low=self.low)

    @property
    def hyperparameters_(self) -> Mapping[str, maths.ParameterSummary]:
        """Spread of the risks and share of it that follows the map."""
        return self.result_.hyperparameters

    @property
    def coefficients_(self) -> Mapping[str, maths.ParameterSummary]:
        """Intercept and coefficients of the covariates, by their names in a table, on the log scale."""
        said = {f"beta_{k}": name for k, name in enumerate(self._covariate_names(), start=1)}
        return {said.get(name, name): part for name, part in self.result_.coefficients.items()}

    @property
    def diagnostics_(self) -> Any:
        """Numbers about the approximation."""
        return self.result_.diagnostics

    def draws(self, n: int = 1000) -> Draws:
        """Return joint draws of the relative risks: draw k is one possible map."""
        seed = seed_of(_name(self.areas_), self.seed)
        return Draws(
            self.areas_,
            self.result_.draws(n),
            "relative_risk",
            "credible",
            seed,
            f"smallarea-{self.result_.model}",
        )

    def ranks(self, n: int = 1000) -> pd.DataFrame:
        """Return the rank of each area (1 the highest risk) over joint draws, with its limits and the
        probability of being among the highest tenth; over several periods, within each.
        """
        return ranks_of(self.areas_, self.draws(n).values, self.level)

    def variation(self, n: int = 1000) -> dict[str, float]:
        """Return how much a map varies: the ratio of the risks that leave a tenth of the areas above and
        below, median over joint draws with 95 % limits. Near 1 it hardly varies.
        """
        return variation_of(self.draws(n).values)

    def checks(self) -> tuple[dict[str, float], pd.DataFrame]:
        """Return the criteria of the fit (DIC, WAIC, log score) and, by area, how well the others predict it:
        ``ordinate`` (CPO) and ``transform`` (PIT, near 0 or 1 where the count surprises).
        """
        found = self.result_.checks()
        names = ("dic", "effective_dic", "waic", "effective_waic", "log_score")
        table = self.areas_.assign(ordinate=found.ordinate, transform=found.transform)
        return {name: getattr(found, name) for name in names}, table

    def to_frame(self) -> pd.DataFrame:
        """Return one row an area: keys, counts where there are, risk with limits, certainty and class."""
        table = self.areas_.assign(
            relative_risk=self.relative_risk_,
            lower=self.lower_,
            upper=self.upper_,
            sd=self.sd_,
            exceedance=self.exceedance_,
            risk_class=self.risk_class_,
        )
        if self.counts_ is not None:
            parts = self.counts_ if isinstance(self.counts_, tuple) else (self.counts_,)
            for place, name in enumerate(("observed", "expected")):
                columns = [getattr(part, name)[part.fitted] for part in parts]
                table.insert(len(self.areas_.columns) + place, name, np.column_stack(columns).ravel())
        return table


def _given(graph: AreaGraph | None) -> AreaGraph:
    if not isinstance(graph, AreaGraph):
        raise InputError("M002", what="graph", expected="AreaGraph", found=type(graph).__name__)
    return graph


def _name(areas: pd.DataFrame) -> str:
    """Return the text that a map draws its seed from: what it is of, never where it stands in a loop."""
    first = areas.iloc[0]
    names = ("event_type", "site", "sex", "geo_level", "geo_vintage", "period_from", "period_until")
    return "|".join(str(first[name]) for name in names if name in areas)

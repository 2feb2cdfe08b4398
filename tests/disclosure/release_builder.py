"""Stage the release of a synthetic study."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import shapely

from rnc_epi.release import release_metadata, stage
from rnc_epi.vocabulary.study import parse_study

SOURCES = pd.DataFrame(
    {
        "source": ["deaths"], "title": ["Décès (synthétiques)"], "kind": ["deaths"], "licence": ["MIT"],
        "synthetic": [True], "altered": [None], "disclosure_threshold": [11],
        "definition_break_years": [None],
    }
)  # fmt: skip
LEDGER = pd.DataFrame(
    {
        "table_name": "deaths", "source": "deaths", "step": "contract",
        "fate": ["used", "excluded", "quarantined"], "reason": ["_", "D060", "D048"],
        "rows": [9000, 40, 3], "events": [9000, 40, 3],
    }
)  # fmt: skip


def areas_of(results: pd.DataFrame) -> pd.DataFrame:
    """Return the areas of a result table, as squares side by side; the last one is an inset."""
    areas = results[["geo_level", "geo_code", "geo_vintage"]].drop_duplicates().reset_index(drop=True)
    squares = [shapely.box(20_000 * at, 0, 20_000 * at + 10_000, 10_000).wkb for at in range(len(areas))]
    inset = [None] * (len(areas) - 1) + ['{"epsg": 2972, "scale": 0.5, "dx": 100.0, "dy": 200.0}']
    names = "Zone " + areas["geo_code"]
    return areas.assign(name_fr=names, name_en=names, population=None, outline=squares, inset=inset)


def staged(study, out: Path, *, releasable, policy, protection, **changes) -> Path:
    """Stage a study."""
    parsed = parse_study('schema = 1\ntitle = "Étude d\'essai"\nextract = "x.duckdb"', "STUDY.toml")
    areas = areas_of(study.results)
    given = {
        "policy": policy,
        "metadata": release_metadata(parsed, SOURCES, areas, releasable.table, policy),
        "hierarchy": study.hierarchy,
        "areas": areas,
        "accounting": LEDGER,
        "manifest_facts": {"extract_fingerprint": "0" * 64, "parameters": parsed.parameters()},
        "internal_tables": {"results": study.results},
        "protection": protection,
        "out": out,
    }
    return stage([releasable], **(given | changes))

"""Time the checks of an extract of ten million tumours: ``python benchmarks/bench_extract.py [--rows N]``.

The table is the demanding case: residence by commune (35 000 codes in three text columns), pseudonyms of 62
bits, person-years by département, so that every commune is resolved through membership.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import duckdb

from rnc_epi.extracts import opening
from rnc_epi.extracts.classification import check_codes
from rnc_epi.extracts.contract_checks import keys
from rnc_epi.store.connection import lock

#: Categories of ICD-O-3 that both sexes have.
SITES = (*range(27), *range(30, 35), *range(37, 40), *range(64, 69))

GENERATE = """
CREATE TABLE sources AS SELECT 'registres' AS source, 'Essai' AS title, 'registry' AS kind,
    'essai' AS licence, true AS synthetic, NULL::VARCHAR AS altered, 11::SMALLINT AS disclosure_threshold,
    NULL::VARCHAR AS definition_break_years;
CREATE TABLE areas AS
    SELECT 'departement' AS geo_level, printf('%02d', i) AS geo_code, 'cog2026' AS geo_vintage,
        'D' || i AS name_fr, 'D' || i AS name_en, NULL::BIGINT AS population, NULL::BLOB AS outline,
        NULL::VARCHAR AS inset FROM range(1, 96) t(i)
    UNION ALL
    SELECT 'commune', printf('%02d%03d', 1 + i % 95, 400 + i // 95), 'cog2026', 'C' || i, 'C' || i,
        NULL, NULL, NULL
    FROM range(35000) t(i);
CREATE TABLE membership AS SELECT 'commune' AS child_level, geo_code AS child_code,
    geo_vintage AS child_vintage,
    'departement' AS parent_level, geo_code[1:2] AS parent_code, geo_vintage AS parent_vintage,
    NULL::SMALLINT AS valid_from, NULL::SMALLINT AS valid_until, 1.0::DOUBLE AS weight
    FROM areas WHERE geo_level = 'commune';
CREATE TABLE coverage AS SELECT 'registre_' || i AS registry, 'departement' AS geo_level,
    printf('%02d', 1 + i) AS geo_code, 'cog2026' AS geo_vintage, 'general' AS site_group,
    0::SMALLINT AS age_from, NULL::SMALLINT AS age_until,
    2004::SMALLINT AS period_from, 2024::SMALLINT AS period_until
    FROM range(20) t(i);
CREATE TABLE person_years AS SELECT 'registres' AS source, s::SMALLINT AS sex, 'departement' AS geo_level,
    printf('%02d', d) AS geo_code, 'cog2026' AS geo_vintage, y::SMALLINT AS period_from,
    (y + 1)::SMALLINT AS period_until, (5 * b)::SMALLINT AS age_from,
    CASE WHEN b < 17 THEN (5 * b + 5)::SMALLINT END AS age_until, 'known' AS age_status,
    1000.5::DECIMAL(18,6) AS person_years
    FROM range(1, 3) t1(s), range(1, 96) t2(d), range(2004, 2024) t3(y), range(18) t4(b);
CREATE TABLE tumours AS
    WITH draws AS (SELECT range AS i, hash(range) AS h, hash(range + 77777777) AS g, hash(range * 3 + 11) AS k
        FROM range({rows}))
    SELECT i::BIGINT AS tumour_key, (g >> 2)::BIGINT AS person_key, 'registres' AS source,
        'registre_' || (h % 20) AS registry, (1 + g % 2)::SMALLINT AS sex,
        CASE WHEN k % 500 > 0 THEN (k % 100)::SMALLINT END AS age_years,
        (2004 + (h // 20) % 20)::SMALLINT AS year, (1 + g % 12)::SMALLINT AS month,
        'C' || printf('%02d', [{sites}][CAST(1 + (k // 1000) % 40 AS BIGINT)]) || '.' || (g % 10)
            AS topography,
        '8140' AS morphology,
        3::SMALLINT AS behaviour, 7::SMALLINT AS basis_of_diagnosis, NULL::VARCHAR AS stage,
        'commune' AS geo_level,
        printf('%02d%03d', 1 + ((h // 400) % 35000) % 95, 400 + ((h // 400) % 35000) // 95) AS geo_code,
        'cog2026' AS geo_vintage, 0::SMALLINT AS vital_status, (g % 4000)::BIGINT AS follow_up_days
    FROM draws;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--threads", type=int, default=2)
    rows, threads = parser.parse_args().rows, parser.parse_args().threads
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.duckdb"
        writer = duckdb.connect(str(path))
        writer.execute(GENERATE.format(rows=rows, sites=", ".join(map(str, SITES))))
        writer.close()
        print(f"{rows:,} tumours, {path.stat().st_size / 1e6:.0f} MB, {threads} threads")
        structure = tuple(
            check for check in opening.STRUCTURE_CHECKS if check.__module__.endswith(".structure")
        )
        unique = tuple(check for check in opening.TABLE_CHECKS if check is not keys.duplicate_keys)
        for name, first, last in (
            ("structural set, without duplicates", structure, unique),
            ("structural set, with duplicates", structure, opening.TABLE_CHECKS),
            ("full set: every text and code", opening.STRUCTURE_CHECKS, opening.TABLE_CHECKS),
        ):
            began, worked = time.perf_counter(), time.process_time()
            store = lock(path, threads=threads)
            done = opening.examine(store, structure_checks=first, table_checks=last)
            if first is opening.STRUCTURE_CHECKS:
                done.findings.extend(check_codes(store, done.accounting))
            store.close()
            told = f"{time.perf_counter() - began:6.2f} s ({time.process_time() - worked:.2f} s of processor)"
            print(f"{name:35s} {told}, findings: {sorted({finding.code for finding in done.findings})}")
        with opening.open_extract(path, threads=threads) as extract:
            began, worked = time.perf_counter(), time.process_time()
            extract.fingerprint()
            told = f"{time.perf_counter() - began:6.2f} s ({time.process_time() - worked:.2f} s of processor)"
            print(f"{'content hash':35s} {told}")


if __name__ == "__main__":
    main()

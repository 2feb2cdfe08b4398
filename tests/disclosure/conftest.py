"""Make the builder of synthetic result tables importable, and share one protected study between tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def small_study():
    """A study of four sites, twelve départements, three regions and two years."""
    from result_builder import study

    return study(
        sites=4, departements=12, regions=3, years=(2016, 2018), pooled=((2016, 2018),), national=700
    )


@pytest.fixture(scope="session")
def plan_policy():
    """The default policy, with départements published over two years so that small studies hold some."""
    from dataclasses import replace

    from rnc_epi.disclosure import load_policy
    from rnc_epi.vocabulary.policy import PlanRule

    policy = load_policy()
    rules = tuple(rule for rule in policy.plan if rule.geo_level != "departement")
    return replace(policy, plan=(*rules, PlanRule("departement", 2, age_detail=False)))


@pytest.fixture(scope="session")
def protected(small_study, plan_policy):
    """The Releasable and the report of the small study."""
    from rnc_epi.disclosure import protect

    return protect(small_study.results, small_study.hierarchy, plan_policy)


@pytest.fixture(scope="session")
def stage_to(small_study, plan_policy, protected):
    """Return a function that stages the small study in a folder."""
    from release_builder import staged

    def write(out: Path, **changes) -> Path:
        given = {"releasable": protected[0], "policy": plan_policy, "protection": protected[1]} | changes
        return staged(small_study, out, **given)

    return write

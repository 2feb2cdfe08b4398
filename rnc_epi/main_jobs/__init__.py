"""The jobs that the command line offers whole: demonstration, published tables, report, attack."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from rnc_epi.attack import AttackReport, attack_release
from rnc_epi.attack.differencing import require_no_differencing
from rnc_epi.extracts.embedded import embedded_sample
from rnc_epi.extracts.published_together import write_extract_of_all
from rnc_epi.flow import Progress, run_study, silent, stage_of
from rnc_epi.release import publish, staged_release, verify
from rnc_epi.release.audit_trail import append_to_trail
from rnc_epi.release.history import released_before
from rnc_epi.report import write_report
from rnc_epi.vocabulary.errors import FileProblem
from rnc_epi.vocabulary.study import Study, parse_study

#: Name under which the jobs that nobody reviews approve their release.
DEMONSTRATION = "demonstration"


def packaged_study(name: str) -> Study:
    """Return a study that the package holds, such as ``"demo"``."""
    text = (files("rnc_epi.main_jobs") / f"{name}.toml").read_text(encoding="utf-8")
    return parse_study(text, f"{name}.toml")


def demo(out: Path, *, language: str = "fr", progress: Progress = silent) -> dict[str, Path]:
    """Run the whole job on the embedded sample: release, verification, report; return where they lie."""
    return _whole_job(packaged_study("demo"), embedded_sample(), out, language, progress)


def real(shared: Path, out: Path, *, language: str = "fr", progress: Progress = silent) -> dict[str, Path]:
    """Run the whole job on the published tables of a folder.

    The extract made from them holds full figures: it lies in the internal zone of `out`.
    """
    with stage_of(progress, "sample"):
        extract = write_extract_of_all(shared, out / "internal")
    return _whole_job(packaged_study("real"), extract, out, language, progress)


def report(directory: Path, *, language: str = "fr", progress: Progress = silent) -> dict[str, Path]:
    """Verify a release, or the current release of an output folder, and write its report."""
    release = release_of(directory)
    verify(release)
    root = release.parent.parent if release.parent.name in ("releases", "staged") else release.parent
    return write_report(release, root / "report" / language, language=language, progress=progress)


def publish_edition(out: str | Path, *, approve: str) -> Path:
    """Publish the staged release of a folder, unless it gives something away beside those that went out.

    These are the releases of the folder and of the output folders beside it.

    Raises
    ------
    DisclosureRefused
        B030, the difference of two editions speaks of a few persons.
    """
    staged = staged_release(Path(out))
    # Published before under the same name: the same content, or refused on its own account.
    if not (Path(out) / "releases" / staged.name).exists():
        earlier = released_before(out, staged.name)
        if earlier:
            require_no_differencing(earlier[0], staged, *earlier[1:])
    published = publish(out, approve=approve)
    append_to_trail(Path(out) / "internal", action="publish", outcome="done", release_id=published.name)
    return published


def publish_with_report(
    out: Path, *, approve: str, language: str = "fr", progress: Progress = silent
) -> dict[str, Path]:
    """Publish the staged release of a folder, and write its report where the study asks for one.

    Returns
    -------
    dict of str to path
        ``published``, and the files of the report.
    """
    published = publish_edition(out, approve=approve)
    products = {"published": published}
    manifest = json.loads((published / "MANIFEST.json").read_text(encoding="utf-8"))
    if manifest["parameters"]["outputs"]["report"]:
        products |= report(out, language=language, progress=progress)
    return products


def attack(directory: Path) -> AttackReport:
    """Attack a release, or the current release of an output folder, from its published files alone."""
    return attack_release(release_of(directory))


def released(path: str | Path, scratch: Path, *, language: str = "fr", progress: Progress = silent) -> Path:
    """Return a release to draw from: the one given, or one made first in a scratch folder.

    Parameters
    ----------
    path : path or str
        A release or output folder; an extract, which is released first with everything that the default plan
        lets out; or an empty text, for the demonstration.
    scratch : path
        Folder for what has to be made.
    """
    if not str(path):
        return demo(scratch / "demo", language=language, progress=progress)["published"]
    given = Path(path)
    if given.is_file():
        study = parse_study(f'schema = 1\ntitle = "{given.stem}"\nextract = "{given.name}"', given.name)
        run_study(study, given, scratch / "release", progress=progress)
        return publish(scratch / "release", approve=DEMONSTRATION)
    return release_of(given)


def release_of(directory: Path) -> Path:
    """Return the release that a folder is, or the current one of an output folder.

    Raises
    ------
    FileProblem
        J001, neither.
    """
    for candidate in (directory, directory / "current"):
        if (candidate / "MANIFEST.json").is_file():
            return candidate.resolve()
    raise FileProblem("J001", where=str(directory))


def _whole_job(study: Study, extract: Path, out: Path, language: str, progress: Progress) -> dict[str, Path]:
    run_study(study, extract, out, progress=progress)
    with stage_of(progress, "publish"):
        published = publish_edition(out, approve=DEMONSTRATION)
    with stage_of(progress, "verify"):
        verify(published)
    products = {"published": published}
    if study.outputs.report:
        products |= report(out, language=language, progress=progress)
    return products

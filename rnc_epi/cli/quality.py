"""The command that judges the quality of an extract: one text, exact for insiders or fit for all."""

import errno
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from rnc_epi.cli.texts import text
from rnc_epi.vocabulary.errors import LANGUAGES, FileProblem

_HELP = {
    "fr": {
        "command": "Juger la qualité de l'enregistrement, registre par registre.",
        "extract": "Fichier .duckdb de l'extraction.",
        "public": "Forme publique : ni petit effectif, ni ce qui le rendrait. Sinon, texte interne, exact.",
        "csv": "Écrire aussi le tableau des indicateurs dans ce fichier CSV.",
        "lang": "Langue du texte : fr ou en.",
        "uterus": "Répartir d'abord les décès de l'utérus sans précision, comme [quality] share_out_uterus.",
        "primaries": "Écarter d'abord les tumeurs qui ne sont pas de nouveaux cancers, comme [quality] "
        "multiple_primaries.",
        "written": "Tableau écrit : {path}",
    },
    "en": {
        "command": "Judge the quality of registration, registry by registry.",
        "extract": "The .duckdb file of the extract.",
        "public": "Public form: no small count, nor what gives it back. Without it, the exact internal text.",
        "csv": "Also write the table of indicators to this CSV file.",
        "lang": "Language of the text: fr or en.",
        "uterus": "First share out deaths of the uterus, unspecified, as [quality] share_out_uterus does.",
        "primaries": "First set aside tumours that are no new primary, as [quality] multiple_primaries does.",
        "written": "Table written: {path}",
    },
}


def register(app: typer.Typer, language: str) -> None:
    """Add the command ``quality`` to the commands."""
    said = _HELP[language]

    @app.command(name="quality", help=said["command"])
    def quality(
        extract: Annotated[Path, typer.Argument(metavar="EXTRACT", help=said["extract"])],
        public: Annotated[bool, typer.Option("--public", help=said["public"])] = False,
        csv: Annotated[Path | None, typer.Option("--csv", help=said["csv"])] = None,
        uterus: Annotated[bool, typer.Option("--share-out-uterus", help=said["uterus"])] = False,
        primaries: Annotated[bool, typer.Option("--multiple-primaries", help=said["primaries"])] = False,
        oppositions: Annotated[
            Path | None, typer.Option("--oppositions", help=text("oppositions", language))
        ] = None,
        today: Annotated[
            datetime | None,
            typer.Option("--today", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help=text("today", language)),
        ] = None,
        memory_limit: Annotated[
            str | None, typer.Option("--memory-limit", help=text("memory", language))
        ] = None,
        threads: Annotated[int | None, typer.Option("--threads", help=text("threads", language))] = None,
        lang: Annotated[str, typer.Option("--lang", help=said["lang"])] = language,
    ) -> None:
        from rnc_epi.extracts.classification import apply_codes
        from rnc_epi.extracts.opening import open_extract
        from rnc_epi.extracts.quality import quality_report

        if lang not in LANGUAGES:
            raise typer.BadParameter(f"{lang} ({', '.join(LANGUAGES)})")
        if csv is not None:
            _require_place(csv)
        day = today.date() if today else None
        options = {"memory_limit": memory_limit, "threads": threads}
        with open_extract(extract, oppositions=oppositions, today=day, **options) as opened:
            # As in a run: what the codes make impossible is set aside before anything is judged.
            apply_codes(opened, multiple_primaries=primaries, uterus=uterus)
            report = quality_report(opened)
        typer.echo(report.text(lang, public=public), nl=False)
        if csv is not None:
            try:
                report.frame(public=public).to_csv(csv, index=False, lineterminator="\n")
            except OSError as problem:
                raise FileProblem("F004", where=str(csv), found=problem.strerror) from None
            typer.echo(_HELP[lang]["written"].format(path=csv))


def _require_place(file: Path) -> None:
    """Refuse a file that cannot be written before anything is computed."""
    folder = file.resolve().parent
    reason = errno.EISDIR if file.is_dir() else 0 if folder.is_dir() else errno.ENOENT
    if reason or not os.access(folder, os.W_OK | os.X_OK):
        raise FileProblem("F004", where=str(file), found=os.strerror(reason or errno.EACCES))

"""The commands `import` and `export`: files of registries, CépiDc and insurers, into an extract and back."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Protocol

import typer

from rnc_epi.cli.texts import text


class Printer(Protocol):
    """What the commands print with: texts of the catalogue, and results."""

    def say(self, key: str, **facts: object) -> None:
        """Print a text of the catalogue."""

    def show(self, words: str) -> None:
        """Print a result."""


def add_importing(
    app: typer.Typer,
    language: str,
    *,
    terminal: Callable[[str, bool], Printer],
    spoken: Callable[[str], str],
) -> None:
    """Add the commands to the application.

    Parameters
    ----------
    terminal : callable
        Makes what prints, for a language and whether it is quiet.
    spoken : callable
        Checks the language that a user asks for.
    """

    def said(key: str) -> str:
        return text(key, language)

    @app.command("import", help=said("import"))
    def import_command(
        kind: Annotated[str, typer.Argument(metavar="KIND", help=said("import_kind"))],
        files: Annotated[list[Path], typer.Argument(metavar="FILE…", help=said("import_files"))],
        out: Annotated[Path, typer.Option("--out", help=said("import_out"))],
        mapping: Annotated[Path | None, typer.Option("--mapping", help=said("import_mapping"))] = None,
        internal: Annotated[bool, typer.Option("--internal", help=said("internal"))] = False,
        lang: Annotated[str, typer.Option("--lang", help=said("lang"), callback=spoken)] = language,
    ) -> None:
        from rnc_epi.extracts.importers import import_files
        from rnc_epi.release.folders import require_output_folder

        require_output_folder(out.parent)
        shown = terminal(lang, False)
        done = import_files(kind, files, out, mapping=mapping)
        shown.show(done.text(lang, public=not internal))
        shown.say("made", path=done.path)

    @app.command("export", help=said("export"))
    def export_command(
        extract: Annotated[Path, typer.Argument(metavar="EXTRACT", help=said("extract"))],
        out: Annotated[Path, typer.Option("--out", help=said("export_out"))],
        oppositions: Annotated[Path | None, typer.Option("--oppositions", help=said("oppositions"))] = None,
        today: Annotated[
            datetime | None,
            typer.Option("--today", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help=said("today")),
        ] = None,
        lang: Annotated[str, typer.Option("--lang", help=said("lang"), callback=spoken)] = language,
    ) -> None:
        from rnc_epi.extracts.importers import export_encr
        from rnc_epi.release.folders import require_output_folder

        require_output_folder(out)
        shown = terminal(lang, False)
        day = today.date() if today else None
        for path in export_encr(extract, out, oppositions=oppositions, today=day):
            shown.say("exported", path=path)

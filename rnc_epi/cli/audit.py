"""`rnc-epi audit`: verify the chain of the audit trail and name its first broken line."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer


def add_audit(
    app: typer.Typer, language: str, *, said: Callable[[str], str], terminal: Any, spoken: Any
) -> None:
    """Add the command to the application.

    Parameters
    ----------
    said : callable
        Text of a key of the catalogue in `language`.
    terminal : callable
        Makes the terminal of a language and of whether it is quiet.
    spoken : callable
        Checks the language that a user asks for.
    """

    @app.command(help=said("audit"))
    def audit(
        path: Annotated[Path, typer.Argument(metavar="PATH", help=said("audit_path"))],
        expect: Annotated[str | None, typer.Option("--expect", help=said("audit_expect"))] = None,
        lang: Annotated[str, typer.Option("--lang", help=said("lang"), callback=spoken)] = language,
        quiet: Annotated[bool, typer.Option("--quiet", help=said("quiet"))] = False,
    ) -> None:
        from rnc_epi.release.audit_trail import verify_trail

        trail = verify_trail(path, expect=expect)
        window = terminal(lang, quiet)
        window.say("audited", lines=len(trail.lines), head=trail.head)

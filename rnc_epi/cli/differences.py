"""`rnc-epi differences`: what a new edition gives away together with the previous one."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer


def add_differences(
    app: typer.Typer, language: str, *, said: Callable[[str], str], terminal: Any, spoken: Any
) -> None:
    """Add the command to the application; the parameters are those of `rnc_epi.cli.audit.add_audit`."""

    @app.command(help=said("differences"))
    def differences(
        previous: Annotated[Path, typer.Argument(metavar="PREVIOUS", help=said("previous"))],
        new: Annotated[Path, typer.Argument(metavar="NEW", help=said("new_edition"))],
        lang: Annotated[str, typer.Option("--lang", help=said("lang"), callback=spoken)] = language,
        quiet: Annotated[bool, typer.Option("--quiet", help=said("quiet"))] = False,
    ) -> None:
        from rnc_epi.attack.differencing import differencing

        found = differencing(previous, new)
        terminal(lang, quiet).show(found.render(lang))
        if not found.safe:
            raise typer.Exit(5)

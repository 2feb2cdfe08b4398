"""`rnc-epi sample`: a synthetic extract of any size, with its truth and, on demand, its defects."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer


def add_sample(
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

    @app.command(help=said("sample"))
    def sample(
        out: Annotated[Path, typer.Option("--out", help=said("sample_out"))],
        size: Annotated[str, typer.Option("--size", help=said("size"))] = "small",
        seed: Annotated[int, typer.Option("--seed", help=said("seed"))] = 0,
        region: Annotated[str | None, typer.Option("--region", help=said("sample_region"))] = None,
        deaths: Annotated[str | None, typer.Option("--deaths", help=said("sample_deaths"))] = None,
        defects: Annotated[float, typer.Option("--defects", help=said("sample_defects"))] = 0.0,
        refusals: Annotated[bool, typer.Option("--refusals", help=said("sample_refusals"))] = False,
        geography: Annotated[Path | None, typer.Option("--geography", help=said("sample_communes"))] = None,
        neighbours: Annotated[
            Path | None, typer.Option("--neighbours", help=said("sample_neighbours"))
        ] = None,
        lang: Annotated[str, typer.Option("--lang", help=said("lang"), callback=spoken)] = language,
        quiet: Annotated[bool, typer.Option("--quiet", help=said("quiet"))] = False,
    ) -> None:
        from rnc_epi.extracts.sample import make_sample

        window = terminal(lang, quiet)
        end = window.progress("sample")
        made = make_sample(
            out,
            size=size,
            seed=seed,
            region=region,
            deaths=deaths,
            defects=defects,
            refusals=refusals,
            communes=geography,
            neighbours=neighbours,
        )
        end()
        window.say("made", path=made)
        window.say("synthetic")

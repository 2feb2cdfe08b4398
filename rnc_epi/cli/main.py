"""The commands: each one reads its words, calls the flow, and says where the results lie."""

import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from rnc_epi import __version__
from rnc_epi.cli import quality
from rnc_epi.cli.audit import add_audit
from rnc_epi.cli.differences import add_differences
from rnc_epi.cli.importing import add_importing
from rnc_epi.cli.sample import add_sample
from rnc_epi.cli.texts import text
from rnc_epi.cli.usage import call
from rnc_epi.vocabulary.errors import LANGUAGES, RncEpiError

#: Exit code of a fault of the program; user errors carry the code of their class, 2 is a misspelt command.
FAULT = 1
INTERRUPTED = 130
MISSPELT = 2
#: The reader of the output is gone (`rnc-epi check … | head`): what a shell reports of any program then.
UNHEARD = 141


class Window(Console):
    """A console that ends the program in the usual way where nobody reads it any more."""

    def on_broken_pipe(self) -> None:
        """End with the exit code of an unheard program, and no message of the interpreter at its end."""
        self.quiet = True
        _say_no_more()
        raise SystemExit(UNHEARD)


class Terminal:
    """What the user sees: stages with their seconds, results, errors; nothing but errors when quiet."""

    def __init__(self, language: str, quiet: bool) -> None:
        self.language = language
        self.quiet = quiet
        self.output = Window(highlight=False, soft_wrap=True)
        self.errors = Window(stderr=True, highlight=False, soft_wrap=True)

    def say(self, key: str, **facts: object) -> None:
        """Print a text of the catalogue."""
        if not self.quiet:
            self.output.print(text(key, self.language, **facts), markup=False)

    def show(self, words: str) -> None:
        """Print the result of a command, which quiet does not silence."""
        self.output.print(words, markup=False)

    def progress(self, stage: str) -> Callable[[], None]:
        """Show a stage while it lasts, then the seconds it took."""
        name = text(f"stage_{stage}", self.language)
        start = time.perf_counter()
        if self.quiet:
            return lambda: None
        # A stage does not know how long it will last: the bar pulses, the clock runs.
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
        bar = Progress(*columns, console=self.output, transient=True)
        if self.output.is_terminal:
            bar.add_task(name, total=None)
            bar.start()

        def end() -> None:
            if self.output.is_terminal:
                bar.stop()
            self.say("seconds", name=name, seconds=f"{time.perf_counter() - start:.1f}")

        return end


def build_app(language: str) -> typer.Typer:
    """Return the commands, their help in one language."""

    def said(key: str) -> str:
        return text(key, language)

    app = typer.Typer(help=said("app"), add_completion=False, no_args_is_help=True, rich_markup_mode=None)
    Out = Annotated[Path, typer.Option("--out", help=said("out"))]
    Quiet = Annotated[bool, typer.Option("--quiet", help=said("quiet"))]
    Lang = Annotated[str, typer.Option("--lang", help=said("lang"), callback=_spoken)]
    Directory = Annotated[Path, typer.Argument(metavar="DIR", help=said("dir"))]
    Memory = Annotated[str | None, typer.Option("--memory-limit", help=said("memory"))]
    Threads = Annotated[int | None, typer.Option("--threads", help=said("threads"))]
    Today = Annotated[
        datetime | None,
        typer.Option("--today", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help=said("today")),
    ]

    def show_version(wanted: bool) -> None:
        if wanted:
            typer.echo(f"rnc-epi {__version__}")
            raise typer.Exit

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", help=said("version"), callback=show_version, is_eager=True)
        ] = False,
    ) -> None: ...

    @app.command(help=said("demo"))
    def demo(out: Out = Path("out/demo"), lang: Lang = language, quiet: Quiet = False) -> None:
        from rnc_epi.main_jobs import demo as job

        terminal = Terminal(lang, quiet)
        _say_products(terminal, job(out, language=lang, progress=terminal.progress))
        terminal.say("synthetic")

    @app.command(help=said("real"))
    def real(
        shared: Annotated[Path, typer.Option("--shared", help=said("shared"))],
        out: Out = Path("out/real"),
        lang: Lang = language,
        quiet: Quiet = False,
    ) -> None:
        from rnc_epi.main_jobs import real as job

        terminal = Terminal(lang, quiet)
        _say_products(terminal, job(shared, out, language=lang, progress=terminal.progress))

    @app.command(help=said("check"))
    def check(
        extract: Annotated[Path, typer.Argument(metavar="EXTRACT", help=said("extract"))],
        internal: Annotated[bool, typer.Option("--internal", help=said("internal"))] = False,
        today: Today = None,
        memory_limit: Memory = None,
        threads: Threads = None,
        lang: Lang = language,
        quiet: Quiet = False,
    ) -> None:
        from rnc_epi.extracts.check_report import check_extract

        terminal = Terminal(lang, quiet)
        end = terminal.progress("open")
        day = today.date() if today else None
        report = check_extract(extract, codes=True, today=day, memory_limit=memory_limit, threads=threads)
        end()
        terminal.show(report.text(lang, public=not internal))
        if not report.accepted:
            raise typer.Exit(report.exit_code)

    @app.command(help=said("run"))
    def run(
        study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help=said("study"))],
        out: Annotated[Path, typer.Option("--out", help=said("out"))],
        oppositions: Annotated[Path | None, typer.Option("--oppositions", help=said("oppositions"))] = None,
        today: Today = None,
        memory_limit: Memory = None,
        threads: Threads = None,
        lang: Lang = language,
        quiet: Quiet = False,
    ) -> None:
        from rnc_epi import flow
        from rnc_epi.vocabulary.study import read_study

        terminal = Terminal(lang, quiet)
        if oppositions is not None and read_study(study)[0].oppositions is not None:
            terminal.say("oppositions_of_the_option", path=oppositions)
        staged = flow.run(
            study,
            out,
            progress=terminal.progress,
            memory_limit=memory_limit,
            threads=threads,
            oppositions=oppositions,
            today=today.date() if today else None,
        )
        terminal.say("staged", path=staged)

    @app.command(help=said("publish"))
    def publish(
        directory: Directory,
        approve: Annotated[str, typer.Option("--approve", help=said("approve"))],
        lang: Lang = language,
        quiet: Quiet = False,
    ) -> None:
        from rnc_epi.main_jobs import publish_with_report

        terminal = Terminal(lang, quiet)
        products = publish_with_report(directory, approve=approve, language=lang, progress=terminal.progress)
        _say_products(terminal, products)

    @app.command(help=said("verify"))
    def verify(directory: Directory, lang: Lang = language, quiet: Quiet = False) -> None:
        from rnc_epi.release import verify as verify_release

        terminal = Terminal(lang, quiet)
        terminal.say("verified", files=verify_release(directory).files)

    @app.command(help=said("report"))
    def report(directory: Directory, lang: Lang = language, quiet: Quiet = False) -> None:
        from rnc_epi.main_jobs import report as job

        terminal = Terminal(lang, quiet)
        _say_products(terminal, job(directory, language=lang, progress=terminal.progress))

    @app.command(help=said("attack"))
    def attack(directory: Directory, lang: Lang = language, quiet: Quiet = False) -> None:
        from rnc_epi.main_jobs import attack as job

        terminal = Terminal(lang, quiet)
        report = job(directory)
        terminal.show(report.render(lang))
        if not report.safe:
            raise typer.Exit(5)

    add_audit(app, language, said=said, terminal=Terminal, spoken=_spoken)
    add_differences(app, language, said=said, terminal=Terminal, spoken=_spoken)
    add_sample(app, language, said=said, terminal=Terminal, spoken=_spoken)
    add_importing(app, language, terminal=Terminal, spoken=_spoken)
    quality.register(app, language)
    return app


def _say_no_more() -> None:
    """Send what is still to be printed nowhere: the interpreter would complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_products(terminal: Terminal, products: dict[str, Path]) -> None:
    for key, path in products.items():
        terminal.say(key, path=path)


def _spoken(language: str) -> str:
    if language not in LANGUAGES:
        raise typer.BadParameter(f"{language} ({', '.join(LANGUAGES)})")
    return language


def _language(words: list[str]) -> str:
    """Return the language that the command line asks for, known before the help is written."""
    for position, word in enumerate(words):
        if word == "--lang" and position + 1 < len(words) and words[position + 1] in LANGUAGES:
            return words[position + 1]
        if word.startswith("--lang=") and word.removeprefix("--lang=") in LANGUAGES:
            return word.removeprefix("--lang=")
    return "fr"


def _language_after_the_verb(words: list[str]) -> list[str]:
    """Return the words with a language that stands before the verb behind it, where verbs look for it."""
    taken = 2 if words[:1] == ["--lang"] else 1
    if not words or not (words[0] == "--lang" or words[0].startswith("--lang=")):
        return words
    stated, rest = words[:taken], words[taken:]
    return [rest[0], *stated, *rest[1:]] if rest and not rest[0].startswith("-") else rest


def main(words: list[str] | None = None) -> None:
    """Run the command line; user errors print their text and exit with their code, without a traceback."""
    given = sys.argv[1:] if words is None else words
    language = _language(given)
    given = _language_after_the_verb(given)
    terminal = Terminal(language, quiet=False)
    try:
        if "" in given:
            # An empty name of a folder is the current one: what a script's unset variable would write to.
            terminal.errors.print(text("empty_word", language), markup=False)
            sys.exit(MISSPELT)
        code = call(build_app(language), given, language)
    except RncEpiError as problem:
        terminal.errors.print(problem.message(language), markup=False)
        sys.exit(problem.exit_code)
    except BrokenPipeError:
        _say_no_more()
        code = UNHEARD
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as problem:
        # So the database says that the user stopped it in the middle of a query.
        if type(problem).__name__ == "InterruptException":
            code = INTERRUPTED
        # The text of an unforeseen exception may quote data: only its kind is shown.
        elif os.environ.get("RNC_EPI_DEBUG"):
            raise
        else:
            terminal.errors.print(text("unexpected", language, kind=type(problem).__name__), markup=False)
            code = FAULT
    if code == INTERRUPTED:
        terminal.errors.print(text("interrupted", language), markup=False)
    sys.exit(code)

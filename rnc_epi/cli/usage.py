"""What the library of the command line says by itself (usage, help, misspelt words), in the user's language.

It speaks English alone and has no catalogue. Its sentences are few and are replaced one by one; one that a
later version words otherwise stays English, and nothing else changes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from typing import Final

import typer

#: The library's own class of misspelt commands: it is not exported by name.
_MISSPELT: Final[type[typer.BadParameter]] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)

#: Words that stand in every language: arguments are no set of choices, so no braces.
_PLAIN: Final = ((r"\{([^{}|]+)\}", r"\1"), (r"<list\[Path\]>", "<path>      "), (r" +$", ""))

_FRENCH: Final = (
    (r"^Usage: ", "Usage : "),
    (r"COMMAND \[ARGS\]\.\.\.", "COMMANDE [MOTS]..."),
    (r"^Arguments:$", "Arguments :"),
    (r"^Options:$", "Options :"),
    (r"^Commands:$", "Commandes :"),
    (r"Show this message and exit\.", "Afficher cette aide et terminer."),
    (r"\[default:", "[par défaut :"),
    (r"\[required\]", "[obligatoire]"),
    (r"^Try '(.+)' for help\.$", r"L'aide : \1"),
    (r"^Error: ", "Erreur : "),
    (r"Missing option '(.+)'\.", r"l'option \1 manque."),
    (r"Missing argument '(.+)'\.", r"l'argument \1 manque."),
    (r"Missing command\.", "une commande manque."),
    (r"No such command '(.+?)'\.", r"la commande \1 n'existe pas."),
    (r"No such option: ([^\s.]+)\.?", r"l'option \1 n'existe pas."),
    (r"Did you mean (?:one of: )?(.+)\?", r"Vouliez-vous dire \1 ?"),
    (r"\(Possible options: (.+)\)", r"Options voisines : \1."),
    (r"Option '(.+)' requires an argument\.", r"l'option \1 demande une valeur."),
    (r"Option '(.+)' does not take a value\.", r"l'option \1 ne prend pas de valeur."),
    (r"Got unexpected extra arguments? ?(?:\(s\) )?\((.+)\)", r"de trop : \1."),
    (r"Got unexpected extra argument\(s\) \((.+)\)", r"de trop : \1."),
    (r"Invalid value for '(.+?)': ", r"valeur impossible pour \1 : "),
    (r"Input should be a valid integer\b.*$", "un nombre entier est attendu."),
    (r"Input should be a valid number\b.*$", "un nombre est attendu."),
    (r"'.+' is not a valid int(?:eger)?\.", "un nombre entier est attendu."),
    (r"'.+' is not a valid float\.", "un nombre est attendu."),
    (
        r"(?:Value error, )?'(.+)' does not match the formats? '%Y-%m-%d'\.",
        r"une date AAAA-MM-JJ est attendue, trouvé \1.",
    ),
)


def in_words(said: str, language: str) -> str:
    """Return what the library says, in a language.

    Examples
    --------
    >>> in_words("Error: Missing option '--out'.", "fr")
    "Erreur : l'option --out manque."
    >>> in_words("Usage: rnc-epi run [OPTIONS] {STUDY.toml}", "en")
    'Usage: rnc-epi run [OPTIONS] STUDY.toml'
    """
    for pattern, words in (*_PLAIN, *(_FRENCH if language == "fr" else ())):
        said = re.sub(pattern, words, said, flags=re.MULTILINE)
    return said


def call(app: typer.Typer, words: Sequence[str], language: str) -> int:
    """Run a command and return its exit code; help and misspelt words are said in the user's language.

    Errors of the command itself pass through.
    """
    helped, misspelt = io.StringIO(), io.StringIO()
    code: object = 0
    try:
        with redirect_stdout(helped) if "--help" in words else nullcontext():
            code = app(list(words), prog_name="rnc-epi", standalone_mode=False)
    except _MISSPELT as problem:
        problem.show(file=misspelt)
        code = problem.exit_code
    for text, to_errors in ((helped.getvalue(), False), (misspelt.getvalue(), True)):
        if text:
            typer.echo(in_words(text, language), nl=False, err=to_errors)
    # A command that ends well returns nothing.
    return code if isinstance(code, int) else 0

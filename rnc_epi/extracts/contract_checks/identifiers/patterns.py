"""What a text holds that names or reaches a person: one pattern a kind of identifier.

RE2 runs them on columns inside DuckDB and Python on names of files, so they keep to what both understand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Letters of French and its neighbours, as they stand within a class.
CAPITALS: Final = "A-ZÀ-ÖØ-ÞŒŸ"
LETTERS: Final = f"{CAPITALS}a-zß-öø-ÿœ"


@dataclass(frozen=True)
class Pattern:
    """A kind of identifier.

    Attributes
    ----------
    code : str
        Of the message.
    name : str
        In the message on names of files.
    regex : str
    hint : str
        A text found wherever the pattern is, or empty; looked for first because that costs less.
    """

    code: str
    name: str
    regex: str
    hint: str = ""


#: No letter or digit before and after.
_BEFORE: Final = f"(?:^|[^0-9{LETTERS}])"
_AFTER: Final = f"(?:$|[^0-9{LETTERS}])"
_GAP: Final = "[ ./\u00a0\u202f-]"

#: A NIR in groups, with a separator where they are written, and the thirteen of Corsica, which no number is.
NIR_IN_GROUPS: Final = (
    f"{_BEFORE}[12]{_GAP}[0-9]{{2}}{_GAP}(?:0[1-9]|1[0-2]){_GAP}(?:[0-9]{{2}}|2[ABab]){_GAP}[0-9]{{3}}{_GAP}"
    f"[0-9]{{3}}{_AFTER}"
)
NIR_OF_CORSICA: Final = f"{_BEFORE}[12][0-9]{{2}}(?:0[1-9]|1[0-2])2[ABab][0-9]{{6}}{_AFTER}"
_MONTH_OF_NIR: Final = "(?:0[1-9]|1[0-2]|20|3[1-9]|4[0-2]|[5-9][0-9])"
_PLACE_OF_NIR: Final = "(?:0[1-9]|[1-8][0-9]|9[0-57-9]|2[ABab])"
#: Fifteen characters that stand alone, in groups or not; what the brackets hold is to be verified.
NIR_WITH_KEY: Final = (
    f"{_BEFORE}([123478]{_GAP}?[0-9]{{2}}{_GAP}?{_MONTH_OF_NIR}{_GAP}?{_PLACE_OF_NIR}{_GAP}?[0-9]{{3}}{_GAP}?"
    f"[0-9]{{3}}{_GAP}?[0-9]{{2}}){_AFTER}"
)
#: Worth looking at for the patterns above, and for whole numbers of 13 digits and more.
NIR_AT_ALL: Final = (
    f"[0-9]{_GAP}?[0-9]{{2}}{_GAP}?[0-9]{{2}}{_GAP}?[0-9][0-9ABab]{_GAP}?[0-9]{{3}}{_GAP}?[0-9]{{3}}"
)

_YEAR: Final = "(?:1[89]|20)[0-9]{2}"
_MONTHS: Final = (
    "(?i:janvier|f[ée]vrier|mars|avril|mai|juin|juillet|ao[uû]t|septembre|octobre|novembre|d[ée]cembre|"
    "january|february|march|april|may|june|july|august|september|october|november|december)"
)
_DAY: Final = "(?:0?[1-9]|[12][0-9]|3[01])"
FULL_DATE: Final = "|".join((
    f"{_BEFORE}{_YEAR}[-/.](?:0[1-9]|1[0-2])[-/.](?:0[1-9]|[12][0-9]|3[01])(?:T|{_AFTER})",
    f"{_BEFORE}{_DAY}[-/.](?:0?[1-9]|1[0-2])[-/.]{_YEAR}{_AFTER}",
    f"{_BEFORE}{_DAY}(?:er)? {_MONTHS} {_YEAR}{_AFTER}",
    f"{_BEFORE}{_MONTHS} {_DAY}, {_YEAR}{_AFTER}",
))  # fmt: skip
#: Eight digits that are a date, year first or day first.
COMPACT_DATE: Final = (
    f"{_BEFORE}(?:{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])|"
    f"(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2]){_YEAR}){_AFTER}"
)

E_MAIL: Final = Pattern("B002", "e-mail", rf"[^\s@,;<>]+@[^\s@,;<>]+\.[{LETTERS}]{{2,}}", "@")
#: Ten digits without any separator, which other numbers have by chance.
BARE_TELEPHONE: Final = f"{_BEFORE}0[1-9][0-9]{{8}}{_AFTER}"
TELEPHONE: Final = Pattern(
    "B003",
    "telephone",
    f"{_BEFORE}0[1-9](?:{_GAP}?[0-9]{{2}}){{4}}{_AFTER}|"
    rf"(?:\+|{_BEFORE}00)(?:33|262|590|594|596){_GAP}?(?:\(0\){_GAP}?)?[1-9](?:{_GAP}?[0-9]{{2}}){{4}}{_AFTER}",
)
ADDRESS: Final = Pattern(
    "B004",
    "address",
    f"{_BEFORE}[0-9]{{1,4}},? ?(?i:bis|ter|quater)?,? +(?i:rue|avenue|av\\.|boulevard|bd|bld|chemin|impasse|"
    "all[ée]es?|route|quai|square|lotissement|r[ée]sidence|hameau|lieu-dit|faubourg|venelle|ruelle)(?: |$)|"
    f"{_BEFORE}[0-9]{{1,4}},? ?(?i:bis|ter|quater)?,? +(?i:place|cours|passage) "
    f"(?:(?:de|du|des|de la|de l') ?)?[{CAPITALS}]|"
    f"{_BEFORE}[0-9]{{1,5}} (?:[{CAPITALS}][{LETTERS}]+ ){{1,3}}(?i:street|road|lane|avenue|drive){_AFTER}|"
    f"{_BEFORE}[0-9]{{5}},? +[{LETTERS}]{{2,}}[{LETTERS} '’-]* (?i:cedex)",
)
HOSPITAL_NUMBER: Final = Pattern(
    "B005",
    "ipp",
    f"{_BEFORE}(?i:ipp|nip|iep|nda|dossier|mrn)(?i: ?(?:n°|no|num[ée]ro|num|number|patient))?[ .:=#°_-]*"
    f"[0-9]{{5,}}{_AFTER}",
)
PERSON: Final = Pattern(
    "B006",
    "name",
    rf"{_BEFORE}(?:M\.|Mr\.?|MM\.|Mme|MME|Mlle|Monsieur|Madame|Mademoiselle|Mrs\.?|Dr\.?|Docteur|née?|"
    rf"[Nn]om ?:|[Pp]r[ée]nom ?:)\s+[{CAPITALS}][{LETTERS}]+",
)
PATTERNS: Final = (E_MAIL, TELEPHONE, ADDRESS, HOSPITAL_NUMBER, PERSON)

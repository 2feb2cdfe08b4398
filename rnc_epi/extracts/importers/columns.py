"""From a rule of the mapping to SQL: the value of a column, what is wrong with a text, and whom it concerns.

A text is wrong in one of two ways. Some forms show that the whole file was written otherwise than declared
(a decimal comma, dates of spreadsheets, codes turned into numbers): they refuse it. Others are the slip of
one record, which is set aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rnc_epi.extracts.importers import dates
from rnc_epi.extracts.importers.mapping import PADDED, ColumnRule, FileFormat
from rnc_epi.vocabulary.contract import TABLES, TYPES

#: Words that stand for "missing" in files of all kinds; a file may declare more.
MISSING_WORDS: Final = ("NA", "N/A", "#N/A", "NULL", "NAN", ".", "-", "?")
_INTEGERS: Final = ("count", "small", "key")
_DECIMALS: Final = ("person_years", "number")
#: Digits of the codes of the levels of the geographic code; longer ones (overseas) are right too.
_WIDTHS: Final = {"region": 2, "departement": 2, "departement_sante": 2, "commune": 5}
#: The space, and the unbreakable ones that French typography puts between thousands, of every width.
_SPACES: Final = r"[\x{0020}\x{00A0}\x{2007}\x{2009}\x{202F}]"


@dataclass(frozen=True)
class Compiled:
    """What SQL needs of one column.

    Attributes
    ----------
    value : str
        The value in the type of the contract, null where there is none.
    refusals, quarantines, exclusions : tuple of (code, condition)
    notes : tuple of (code, condition)
        What is put right and only counted.
    bands : str or None
        The column of the file whose labels of age bands have to be read first.
    beyond : str or None
        Condition of the records that begin after the cut-off.
    """

    column: str
    value: str
    refusals: tuple[tuple[str, str], ...] = ()
    quarantines: tuple[tuple[str, str], ...] = ()
    exclusions: tuple[tuple[str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    bands: str | None = None
    beyond: str | None = None


def compiled(table: str, column: str, rule: ColumnRule, form: FileFormat, level: str | None) -> Compiled:
    """Return the SQL of a column of the contract; texts are those of the table of the file, alias ``t``."""
    kind = next(declared.kind for declared in TABLES[table].columns if declared.name == column)
    wanted = TYPES[kind][0]
    if rule.value is not None:
        literal = "'" + str(rule.value).replace("'", "''") + "'"
        return Compiled(column, f"CAST({literal} AS {wanted})")
    assert rule.source_column is not None
    text = present(rule.source_column, rule.missing)
    exclusions = [("H125", f"{text} IS NULL")] if rule.empty == "exclude" else []
    if rule.map is not None:
        made = _mapped(column, text, rule, wanted)
    elif rule.take is not None:
        made = _taken(column, text, rule, form, wanted)
    elif kind in (*_INTEGERS, *_DECIMALS):
        made = _number(column, text, rule, form, wanted, whole=kind in _INTEGERS)
    else:
        made = _text(column, text, rule, level)
    return Compiled(
        column,
        made.value,
        made.refusals,
        made.quarantines,
        (*exclusions, *made.exclusions),
        made.notes,
        made.bands,
        made.beyond,
    )


def quoted(name: str) -> str:
    """Return a column of a file as SQL names it, in the table of the file."""
    return 't."' + name.replace('"', '""') + '"'


def cleaned(name: str, form: FileFormat, meant: frozenset[str] = frozenset()) -> str:
    """Return the SQL of a text without spaces around it, null where it is empty or a word for "missing".

    `meant` are texts of this column that the mapping gives a meaning: they are no such word here.
    """
    text = f"nullif(regexp_replace({quoted(name)}, '^{_SPACES}+|{_SPACES}+$', '', 'g'), '')"
    words = [word for word in (*MISSING_WORDS, *form.missing) if word.upper() not in meant]
    if not words:
        return text
    return f"CASE WHEN upper({text}) IN ({_listed(tuple(words))}) THEN NULL ELSE {text} END"


def present(name: str, missing: tuple[str, ...] = ()) -> str:
    """Return the SQL of a cleaned text, null where it is one of the words for "missing" of its own column."""
    if not missing:
        return quoted(name)
    return f"CASE WHEN upper({quoted(name)}) IN ({_listed(missing)}) THEN NULL ELSE {quoted(name)} END"


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join("'" + word.upper().replace("'", "''") + "'" for word in words)


def _mapped(column: str, text: str, rule: ColumnRule, wanted: str) -> Compiled:
    cases, known = [], []
    for found, value in (rule.map or {}).items():
        literal = "'" + found.replace("'", "''") + "'"
        known.append(literal)
        cases.append(f"WHEN {literal} THEN '" + str(value).replace("'", "''") + "'")
    value = f"CAST(nullif(CASE {text} {' '.join(cases)} END, '') AS {wanted})"
    unknown = f"{text} IS NOT NULL AND {text} NOT IN ({', '.join(known)})"
    if rule.others == "exclude":
        # A row that names no subject is of none.
        return Compiled(column, value, exclusions=(("H124", f"{text} IS NULL OR ({unknown})"),))
    if rule.others == "missing":
        return Compiled(column, value, notes=(("H018", unknown),))
    return Compiled(column, value, refusals=(("H047" if column == "sex" else "H126", unknown),))


def _number(
    column: str, text: str, rule: ColumnRule, form: FileFormat, wanted: str, *, whole: bool
) -> Compiled:
    plain, uneven = text, None
    if form.thousands:
        mark = _SPACES if form.thousands == " " else f"[{form.thousands}]"
        mark = mark.replace("'", "''")
        plain = f"regexp_replace({plain}, '{mark}', '', 'g')"
        # Groups of three: 45.5 where the point is declared for thousands is no 455.
        groups = f"-?[0-9]{{1,3}}({mark}[0-9]{{3}})+([{form.decimal}][0-9]+)?"
        uneven = f"regexp_matches({text}, '{mark}') AND NOT regexp_full_match({text}, '{groups}')"
    if form.decimal == ",":
        plain = f"replace({plain}, ',', '.')"
    pattern = "-?[0-9]+([.]0+)?" if whole else "-?[0-9]+([.][0-9]+)?"
    number = f"TRY_CAST({plain} AS DECIMAL(28,6))"
    value = f"CASE WHEN regexp_full_match({plain}, '{pattern}') THEN TRY_CAST({number} AS {wanted})"
    value += f" + {rule.plus} END" if rule.plus else " END"
    other = "," if form.decimal == "." else "."
    marks = "" if form.thousands == " " else _SPACES.replace("]", "'’]").replace("'", "''")
    refusals = [
        ("H019", f"lower({text}) IN ('nan', 'inf', '-inf', '+inf', 'infinity', '-infinity')"),
        ("H070", f"regexp_full_match({text}, '-?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+')"),
    ]
    if other != form.thousands:
        refusals.append(("H016", f"regexp_full_match({text}, '-?[0-9]*[{other}][0-9]+')"))
    separated = [uneven] if uneven else []
    if marks and form.thousands != "'":
        separated.append(f"regexp_full_match({text}, '-?[0-9]{{1,3}}({marks}[0-9]{{3}})+([.,][0-9]+)?')")
    if separated:
        refusals.append(("H017", " OR ".join(f"({condition})" for condition in separated)))
    notes = [("H111", f"regexp_full_match({plain}, '-?[0-9]+[.]0+')")] if whole else []
    wrong = f"{text} IS NOT NULL AND ({value}) IS NULL"
    return Compiled(column, value, tuple(refusals), (("H010", wrong),), notes=tuple(notes))


def _text(column: str, text: str, rule: ColumnRule, level: str | None) -> Compiled:
    if column not in PADDED:
        return Compiled(column, text)
    refusals = [
        ("H069", f"regexp_full_match({text}, '[0-9]+[.,]0+')"),
        ("H070", f"regexp_full_match({text}, '[0-9]+([.,][0-9]+)?[eE][+]?[0-9]+')"),
    ]
    width = _WIDTHS.get(level or "") if column == "geo_code" else None
    if rule.pad is not None:
        padded = f"CASE WHEN regexp_full_match({text}, '[0-9]+') AND length({text}) < {rule.pad}"
        padded += f" THEN lpad({text}, {rule.pad}, '0') ELSE {text} END"
        shorter = f"regexp_full_match({text}, '[0-9]+') AND length({text}) < {rule.pad}"
        return Compiled(column, padded, tuple(refusals), notes=(("H068", shorter),))
    if width is not None:
        lost = f"regexp_full_match({text}, '[0-9]+') AND length({text}) < {width}"
        refusals.append(("H068", lost))
    return Compiled(column, text, tuple(refusals))


def _taken(column: str, text: str, rule: ColumnRule, form: FileFormat, wanted: str) -> Compiled:
    if rule.take == "key":
        return _key(column, text, wanted)
    if rule.take is not None and rule.take.startswith("band_"):
        part = {"band_from": "age_from", "band_until": "age_until", "band_status": "age_status"}[rule.take]
        # The labels are read by AgeBand, once each; a label that is none sets its rows aside.
        alias = f"bands_{column}"
        wrong = (("H010", f"{text} IS NOT NULL AND {alias}.label IS NULL"),) if part == "age_status" else ()
        default = "'unknown'" if part == "age_status" else "NULL"
        value = f"CASE WHEN {text} IS NULL THEN {default} ELSE {alias}.{part} END"
        return Compiled(column, f"CAST({value} AS {wanted})", quarantines=wrong, bands=rule.source_column)
    return _of_dates(column, text, rule, form, wanted)


def _of_dates(column: str, text: str, rule: ColumnRule, form: FileFormat, wanted: str) -> Compiled:
    refusals = list(dates.refused_forms(text, form.dates))
    quarantines = [("H031", dates.impossible(text, form.dates))]
    notes: list[tuple[str, str]] = []
    beyond = None
    unread = f"{text} IS NOT NULL AND ({dates.year(text, form.dates)}) IS NULL"
    if rule.take == "year":
        value = dates.year(text, form.dates)
    elif rule.take == "month":
        value = dates.month(text, form.dates)
    else:
        since = _since(rule)
        refusals += dates.refused_forms(since, form.dates)
        quarantines.append(("H031", dates.impossible(since, form.dates)))
        unread = f"({unread}) OR ({since} IS NOT NULL AND ({dates.year(since, form.dates)}) IS NULL)"
        if rule.take == "age":
            value = dates.age(text, since, form.dates)
            quarantines.append(("H035", f"({value}) < 0"))
            if not form.birth_dates:
                refusals.append(("H045", f"({dates.day(since, form.dates)}) IS NOT NULL"))
        else:
            value = dates.days(text, since, form.dates, form.cut_off)
            if form.cut_off is not None:
                end = f"DATE '{form.cut_off.isoformat()}'"
                notes.append(("H043", f"({dates.day(text, form.dates)}) > {end}"))
                beyond = f"({dates.day(since, form.dates)}) > {end}"
        # A month or a year alone says less than the day or the month that is asked for.
        years = " AND ".join(f"({dates.year(one, form.dates)}) IS NOT NULL" for one in (text, since))
        notes.append(("H135", f"{years} AND ({value}) IS NULL"))
        if beyond is not None:
            value = f"CASE WHEN {beyond} THEN NULL ELSE {value} END"
    if rule.plus:
        value = f"({value}) + {rule.plus}"
    quarantines.append(("H010", unread))
    if rule.agrees_with is not None:
        stated = f"TRY_CAST({present(rule.agrees_with)} AS BIGINT)"
        quarantines.append(("H036", f"abs(({value}) - {stated}) > 1"))
    return Compiled(
        column,
        f"CAST({value} AS {wanted})",
        tuple(refusals),
        tuple(quarantines),
        notes=tuple(notes),
        beyond=beyond,
    )


def _since(rule: ColumnRule) -> str:
    if isinstance(rule.since, tuple):
        year, month = (present(name) for name in rule.since)
        # A column of months may hold 7, 07, or the year with it.
        return f"({year} || '-' || lpad(right({month}, 2), 2, '0'))"
    return present(str(rule.since))


def _key(column: str, text: str, wanted: str) -> Compiled:
    # 62 bits of a hash: the same pseudonym gives the same number on every machine and in every version.
    value = f"CAST(md5_number_lower({text}) >> 2 AS {wanted})"
    digits = f"regexp_replace({text}, '[ .-]', '', 'g')"
    shape = "[12][0-9]{2}(0[1-9]|1[0-2])([0-9]{2}|2[ABab])[0-9]{6}([0-9]{2})?"
    nir = f"regexp_full_match({digits}, '{shape}')"
    names = f"regexp_full_match({text}, '\\p{{L}}{{2,}}([ ’.-]+\\p{{L}}+)*') OR contains({text}, '@')"
    notes = (("H026", nir), ("H027", names))
    return Compiled(column, value, notes=notes)

"""Direct identifiers at the door: names of columns that announce them, and keys that are them.

A pseudonym may by chance look like a social security number (NIR). Random 64-bit keys have 13 or 15 digits
about once in ten thousand, so among the keys of that length the share that validates is compared with what
chance gives: one NIR among sequential keys is refused, chance among millions of hashes is not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from scipy.stats import binom

from rnc_epi.extracts.contract_checks.findings import Fate, Finding
from rnc_epi.extracts.contract_checks.tables import ExtractTables
from rnc_epi.store import Store

#: Words that name a direct identifier, French and English, without accents.
IDENTIFIER_WORDS: Final = frozenset({
    "nom", "noms", "prenom", "prenoms", "patronyme", "nomfamille", "nomusage", "nomnaissance",
    "surname", "firstname", "lastname", "forename", "givenname", "maidenname", "fullname", "familyname",
    "patientname",
    "nir", "nia", "nss", "insee13", "numss", "numsecu", "securitesociale", "ssn", "ins", "matricule",
    "ddn", "datenaissance", "naissance", "dtnaiss", "datenais", "jnais", "birthdate", "dateofbirth", "dob",
    "birth", "birthday",
    "adresse", "adresses", "rue", "voie", "codepostal", "address", "street", "postcode", "zipcode",
    "ipp", "nip", "iep", "numdossier", "dossier", "mrn",
    "tel", "telephone", "portable", "phone", "mobile", "gsm",
    "mail", "mel", "email", "courriel",
})  # fmt: skip
#: Chance below which keys that validate are taken for what they look like.
CHANCE: Final = 0.03
#: Share of 13-digit numbers that have the first seven digits of a NIR: sex 1 or 2 (2 of 9), month 01 to 12
#: (12 of 100), département 01 to 95 or 97 to 99 (98 of 100).
CHANCE_13: Final = 2 / 9 * 12 / 100 * 98 / 100
#: The key of 15 digits is 97 less the remainder of the 13 others: one value in a hundred, of 97 possible.
CHANCE_15: Final = CHANCE_13 / 100

_KEYS_OF_PERSONS: Final = (("tumours", "person_key"), ("snds_cases", "person_key"))
_SHAPE_13: Final = (
    "{n} // 1000000000000 IN (1, 2) AND ({n} // 100000000) % 100 BETWEEN 1 AND 12 "
    "AND ({n} // 1000000) % 100 BETWEEN 1 AND 99 AND ({n} // 1000000) % 100 <> 96"
)


def names_an_identifier(column: str) -> bool:
    """Tell whether the name of a column announces a direct identifier.

    Examples
    --------
    >>> [names_an_identifier(name) for name in ("Prénom", "date_naissance", "telNumber", "nombre", "phase")]
    [True, True, True, False, False]
    """
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", column) if not unicodedata.combining(letter)
    )
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    words = [word for word in re.split(r"[^a-z0-9]+", separated.lower()) if word]
    # "date_naissance" and "first_name" are two words that say together what neither says alone.
    pairs = ["".join(pair) for pair in pairwise(words)]
    whole = ["".join(words)]
    return any(word.rstrip("0123456789") in IDENTIFIER_WORDS or word in IDENTIFIER_WORDS
               for word in (*words, *pairs, *whole))  # fmt: skip


def is_nir(text: str) -> bool:
    """Tell whether a text is a social security number, of 13 characters or of 15 with its key.

    The key is 97 less the remainder of the number by 97; Corsica's 2A counts as 19 and 2B as 18.

    Examples
    --------
    >>> is_nir("2 55 08 14 168 025 38"), is_nir("255081416802539"), is_nir("2550814168025")
    (True, False, True)
    """
    plain = re.sub(r"[\s.-]", "", text).upper()
    if not re.fullmatch(r"[12]\d{2}(0[1-9]|1[0-2])(\d{2}|2[AB])\d{6}(\d{2})?", plain):
        return False
    if plain[5:7] in ("00", "96"):
        return False
    if len(plain) == 13:
        return True
    number = plain[:13].replace("2A", "19").replace("2B", "18") if plain[5:7] in ("2A", "2B") else plain[:13]
    return int(plain[13:]) == 97 - int(number) % 97


def looks_like_a_name(text: str) -> bool:
    """Tell whether a text looks like the name of a person or an e-mail address.

    Examples
    --------
    >>> [looks_like_a_name(text) for text in ("Jeanne d'Arc", "j.d@chu.fr", "DUPONT", "a3f9c2", "C341")]
    [True, True, True, False, False]
    """
    plain = text.strip()
    if re.search(r"[^\s@]+@[^\s@]+\.[^\s@]+", plain):
        return True
    return len(plain) > 1 and bool(re.fullmatch(r"[^\W\d_]+(?:[ '’.-]+[^\W\d_]+)*\.?", plain))


def text_keys(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find, where a person key is text, numbers that are a NIR (D026) and names or addresses (D027)."""
    for table, column in _KEYS_OF_PERSONS:
        if tables.type_of(table, column) != "VARCHAR":
            continue
        numbers = names = 0
        for batch in store.batches(
            f'SELECT "{column}" AS k, count(*) AS n FROM {tables.qualified(table)} '
            f'WHERE "{column}" IS NOT NULL GROUP BY ALL'
        ):
            for key, count in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
                numbers += count * is_nir(key)
                names += count * looks_like_a_name(key)
        for code, rows in (("D026", numbers), ("D027", names)):
            if rows:
                yield Finding(code, Fate.REFUSE, table, rows=rows, facts=(("column", column),), persons=True)


def number_keys(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find person keys that are social security numbers (D026), beyond what chance gives."""
    for table, column in _KEYS_OF_PERSONS:
        if table not in tables.present:
            continue
        key = f'CAST("{column}" AS HUGEINT)'
        # CASE, so that the arithmetic is done for the few keys of that length only.
        long = _SHAPE_13.format(n=f"({key} // 100)") + f" AND {key} % 100 = 97 - ({key} // 100) % 97"
        ((of_13, shaped_13, of_15, valid_15),) = store.rows(
            f"""
            SELECT
                count(*) FILTER (WHERE "{column}" BETWEEN 1000000000000 AND 9999999999999),
                count(*) FILTER (WHERE CASE WHEN "{column}" BETWEEN 1000000000000 AND 9999999999999
                    THEN {_SHAPE_13.format(n=key)} ELSE false END),
                count(*) FILTER (WHERE "{column}" BETWEEN 100000000000000 AND 999999999999999),
                count(*) FILTER (WHERE CASE WHEN "{column}" BETWEEN 100000000000000 AND 999999999999999
                    THEN {long} ELSE false END)
            FROM {tables.qualified(table)}
            """
        )
        rows = sum(
            found
            for among, found, chance in ((of_13, shaped_13, CHANCE_13), (of_15, valid_15, CHANCE_15))
            if found and binom.sf(found - 1, among, chance) < CHANCE
        )
        if rows:
            yield Finding("D026", Fate.REFUSE, table, rows=rows, facts=(("column", column),), persons=True)


def sources_without_keys(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find sources none of whose rows has a person key (D108): their tumours can be counted, not persons."""
    for table, column in _KEYS_OF_PERSONS:
        if table not in tables.present:
            continue
        bare = store.rows(
            f"SELECT source, count(*) FROM {tables.qualified(table)} WHERE source IS NOT NULL "
            f'GROUP BY source HAVING count("{column}") = 0'
        )
        for source, rows in bare:
            yield Finding("D108", Fate.WARN, table, source, rows, rows, persons=True)

"""Names of columns and tables that announce a direct identifier, in French and English."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Final

#: Words that name a direct identifier, French and English, without accents.
IDENTIFIER_WORDS: Final = frozenset({
    "nom", "noms", "prenom", "prenoms", "patronyme", "nomfamille", "nomusage", "nomnaissance",
    "nompatronymique", "nommarital", "nomjeunefille", "nompatient",
    "surname", "firstname", "lastname", "forename", "givenname", "maidenname", "fullname", "familyname",
    "patientname", "middlename",
    "nir", "nia", "nss", "insee13", "numss", "numsecu", "securitesociale", "ssn", "ins", "matricule",
    "nirouvreur", "nirassure", "nirbeneficiaire", "benniridt", "cartevitale", "numsecuritesociale",
    "ddn", "datenaissance", "naissance", "dtnaiss", "datenais", "datenaiss", "jnais", "journaissance",
    "dnais", "datnais", "birthdate", "dateofbirth", "dob", "birth", "birthday",
    "adresse", "adresses", "rue", "voie", "codepostal", "address", "street", "postcode", "zipcode",
    "numvoie", "libvoie", "adressepostale",
    "ipp", "nip", "iep", "numdossier", "dossier", "mrn", "nda", "numpatient", "medicalrecordnumber",
    "tel", "telephone", "telephones", "portable", "phone", "mobile", "gsm", "telfixe", "telmobile",
    "mail", "mails", "mel", "email", "emails", "courriel", "courriels",
})  # fmt: skip


def names_an_identifier(column: str) -> bool:
    """Tell whether the name of a column or table announces a direct identifier.

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

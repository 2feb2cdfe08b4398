"""The section ``[quality]`` of the study file: what is done to codes, and what poor data lose."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rnc_epi.vocabulary.study_section import Section


class Quality(Section):
    """Rules on codes before cells are made, and on the quality of each registry's data after."""

    multiple_primaries: bool = Field(
        default=False, description="tumours that are no new primary (IARC/IACR/ENCR 2004) are set aside"
    )
    share_out_uterus: bool = Field(
        default=False, description="deaths of the uterus, unspecified, shared by age: cervix and corpus"
    )
    rules: Literal["ignore", "flag", "block"] = Field(
        default="ignore",
        description="what the declared rules on quality do to a registry's figures: nothing, a mark in "
        "data_grade, or a mark and no figure where a rule says so",
    )

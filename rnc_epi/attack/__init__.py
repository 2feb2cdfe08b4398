"""What someone with the published files, patience and linear programming can find out.

This room reads a release and nothing else, and imports `rnc_epi.vocabulary` alone: it shares no code with
disclosure control, whose mistakes it looks for.
"""

from rnc_epi.attack.report import AttackReport, Finding
from rnc_epi.attack.suite import attack_release, attack_tables

__all__ = ["AttackReport", "Finding", "attack_release", "attack_tables"]

"""How good the data of each registry are: indicators, comparison, rules that flag or block."""

from rnc_epi.extracts.quality.report import QualityReport, quality_report
from rnc_epi.extracts.quality.rules import action_for, quality_rules

__all__ = ["QualityReport", "action_for", "quality_report", "quality_rules"]

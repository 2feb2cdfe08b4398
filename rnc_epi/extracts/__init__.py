"""What registries, SNDS, CépiDc and Insee hand over, turned into checked tables."""

"""Files of registries, deaths and insurers into the one form of an extract; defects of files stop here.

`import_files` reads everything as text, parses it by a declared mapping, and writes a DuckDB extract whose
rows and events are accounted for; `export_encr` writes one back in the layout of the ENCR-JRC call.
"""

from rnc_epi.extracts.importers.encr_export import export_encr
from rnc_epi.extracts.importers.loading import Imported, import_files
from rnc_epi.extracts.importers.mapping import KINDS, ImportMapping, read_mapping

__all__ = ["KINDS", "ImportMapping", "Imported", "export_encr", "import_files", "read_mapping"]

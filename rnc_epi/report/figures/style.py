"""How figures look, and how they become the same bytes each time.

Nothing here touches pyplot: figures are made one by one and settings hold only while one is drawn.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnc_epi.vocabulary.sexes import Sex

#: Colour and marker by sex: a reader who does not see the colours has the markers.
SEX_COLOURS: Final = {Sex.BOTH: "#4d4d4d", Sex.MEN: "#0072b2", Sex.WOMEN: "#c7520b"}
SEX_MARKERS: Final = {Sex.BOTH: "D", Sex.MEN: "o", Sex.WOMEN: "s"}

#: Five lightnesses from pale to dark, ordered for every kind of colour vision and in grey.
SEQUENTIAL: Final = ("#f1eef6", "#bdc9e1", "#74a9cf", "#2b8cbe", "#045a8d")
#: From below to above one, purple to orange: told apart by every kind of colour vision, and in grey, where
#: each has a lightness of its own.
DIVERGING: Final = ("#5e4fa2", "#b3abd4", "#f7f7f7", "#fdd9ab", "#e08214")

INK: Final = "#262626"
QUIET: Final = "#8c8c8c"

_SETTINGS: Final[dict[str, Any]] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 8.0,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.use_locale": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "hatch.linewidth": 0.5,
    "hatch.color": "#7a7a7a",
    "lines.linewidth": 1.2,
    # Glyphs as shapes: the page looks the same on a machine that lacks the font.
    "svg.fonttype": "path",
    "path.simplify": True,
}


@contextmanager
def drawing_style() -> Iterator[None]:
    """Hold the settings of the report while something is drawn, and give the user's back."""
    with mpl.rc_context(_SETTINGS):  # type: ignore[arg-type]
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches, that no global state knows."""
    return Figure(figsize=(width, height), layout="constrained")


def axes_of(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the axes to draw on: those given, or those of a new figure."""
    return new_figure(width, height).add_subplot() if ax is None else ax


def figure_of(ax: Axes) -> Figure:
    """Return the figure that holds some axes."""
    figure = ax.get_figure(root=True)
    if not isinstance(figure, Figure):
        raise TypeError("axes without a figure")
    return figure


def to_svg(figure: Figure, name: str) -> bytes:
    """Return a figure as SVG; the same figure under the same name gives the same bytes.

    Parameters
    ----------
    figure : Figure
        That of an Axes is ``ax.figure``.
    name : str
        Seed of the identifiers inside the file: of its own in each figure of a page.

    Returns
    -------
    bytes
        Content of the file.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> to_svg(Figure(figsize=(1, 1)), "empty")[:5]
    b'<?xml'
    """
    return _saved(figure, "svg", name)


def to_png(figure: Figure, name: str, dpi: int = 150) -> bytes:
    r"""Return a figure as PNG; the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
        That of an Axes is ``ax.figure``.
    name : str
        Name of the figure, in messages and metadata.
    dpi : int
        Dots an inch.

    Returns
    -------
    bytes
        Content of the file.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> to_png(Figure(figsize=(1, 1)), "empty")[:5]
    b'\x89PNG\r'
    """
    return _saved(figure, "png", name, dpi=dpi)


def _saved(figure: Figure, kind: str, name: str, **options: Any) -> bytes:
    # Identifiers inside an SVG are hashes with this salt; a date or a version would change the bytes.
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    stream = io.BytesIO()
    settings: Any = {**_SETTINGS, "svg.hashsalt": name}
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.simplefilter("error")
        # Cut to what is drawn: titles and legends beside an axes of fixed shape are never clipped.
        figure.savefig(
            stream, format=kind, metadata=metadata, bbox_inches="tight", pad_inches=0.04, **options
        )
    return stream.getvalue()

"""Figures: one file each, what is read of the published data, how it is drawn, and the card that explains it."""

from serving.figures.figure import Figure, FigureError, read_figures
from serving.figures.fill import Filled, Tile, fill
from serving.figures.filters import Filters, Source, open_source

__all__ = ["Figure", "FigureError", "Filled", "Filters", "Source", "Tile", "fill", "open_source", "read_figures"]

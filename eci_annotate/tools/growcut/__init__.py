"""GrowCut: seeds of two or more labels grow until they meet where intensities change."""

from eci_annotate.tools.growcut.cut_volume import grow

__all__ = ["grow"]

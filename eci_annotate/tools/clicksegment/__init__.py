"""Click segment: one click grows a lesion to its border."""

from eci_annotate.tools.clicksegment.curve import segment

__all__ = ["segment"]

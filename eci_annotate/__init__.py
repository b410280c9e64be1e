"""eci_annotate: expert annotation of medical images in Jupyter.

Names are loaded when first used, so that importing the package stays fast.
"""

__version__ = "0.1.0"

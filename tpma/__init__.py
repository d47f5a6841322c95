"""tpma: through-partner marketing automation."""

__version__ = "0.1.0"

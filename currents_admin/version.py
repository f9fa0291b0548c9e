"""The version of Currents Admin, for code outside the exporter."""

from exporter.version import VERSION

__all__ = ["VERSION"]

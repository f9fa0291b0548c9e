"""The version of Currents Admin, for whoever does not belong to the exporter."""

from exporter.version import VERSION

__all__ = ["VERSION"]

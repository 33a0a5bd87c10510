"""The one adapter between our panels and Grafana: grafanalib builds, ``normalize`` mends.

grafanalib 0.7.1 emits schema version 12 with shapes from 2019 to 2022. Grafana 11 to 13 read
version 42 without a migration having to guess (docs/adr/0005-one-grafanalib-adapter.md).
"""

from __future__ import annotations

from .dashboards import SCHEMA_VERSION, render

__all__ = ["SCHEMA_VERSION", "render"]

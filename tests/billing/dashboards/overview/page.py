"""What tests of the operators' overview read of it."""

import json
import re

URL = "/overview/"


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode().replace("\u00a0", " "))


def whole_figure(response):
    found = re.search(r'<script id="days-figure"[^>]*>(.*?)</script>', response.content.decode())
    assert found is not None
    return json.loads(found.group(1))


def figure(response):
    """The figure of the days, but for what is to come: see test_to_come.py."""
    found = whole_figure(response)
    to_come = ("band", "expected")
    traces = [trace for trace in found["data"] if trace.get("meta", {}).get("hue") not in to_come]
    return {**found, "data": traces}

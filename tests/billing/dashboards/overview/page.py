"""What tests of the operators' overview read of it."""

import json
import re

URL = "/overview/"


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode().replace("\u00a0", " "))


def figure(response):
    found = re.search(r'<script id="days-figure"[^>]*>(.*?)</script>', response.content.decode())
    assert found is not None
    return json.loads(found.group(1))

"""Take pictures of every page of a running site: light, dark and on a phone. To be looked at.

python -m tests.journeys.screenshots http://127.0.0.1:8000 folder operator-email password path…
"""

import os
import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, ViewportSize, sync_playwright

LOOKS: dict[str, tuple[Literal["light", "dark"], ViewportSize]] = {
    "light": ("light", {"width": 1440, "height": 900}),
    "dark": ("dark", {"width": 1440, "height": 900}),
    "phone": ("light", {"width": 390, "height": 844}),
}


def sign_in(page: Page, site: str, email: str, password: str) -> None:
    page.goto(f"{site}/login/")
    page.fill("#id_username", email)
    page.fill("#id_password", password)
    page.click("main button[type=submit]")


def main(site: str, folder: str, email: str, password: str, *paths: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CATACLOUD_BROWSER"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        for look, (scheme, viewport) in LOOKS.items():
            page = browser.new_page(color_scheme=scheme, viewport=viewport)
            if email:
                sign_in(page, site, email, password)
            for path in paths:
                page.goto(site + path)
                page.wait_for_load_state("networkidle")
                name = path.strip("/").replace("/", "-") or "start"
                page.screenshot(path=f"{folder}/{name}.{look}.png", full_page=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

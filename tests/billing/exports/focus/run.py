"""Run focus-validator on a CSV, also on the Python 3.11 that it does not know it runs on.

It asks for 3.12 because of one expression, which is an f-string inside quotes of its own kind. Its
rules and its data are as it brings them, without a look at the network.
"""

import importlib
import importlib.util
import os
import sys
import sysconfig
from importlib.machinery import SourceFileLoader
from pathlib import Path

MODULE = "focus_validator.config_objects.focus_to_duckdb_converter"
NEW = """f"'{k.replace('\\"', '\\"\\"')}'" for k in ignore_keys"""
OLD = """"'" + k.replace('"', '""') + "'" for k in ignore_keys"""
VERSION = "1.2"  # the newest whose rules it brings along
CRITERIA = (
    "ACCOUNT_NAMING_SUPPORTED,USAGE_MEASUREMENT_SUPPORTED,MULTIPLE_PRICING_CATEGORIES_SUPPORTED"
)


class Rewriting(SourceFileLoader):
    def get_data(self, path: str) -> bytes:
        data = super().get_data(path)
        return data.replace(NEW.encode(), OLD.encode()) if path.endswith(".py") else data


def load_rewritten() -> None:
    """Load the one module so that Python 3.11 can read it."""
    folder = Path(sysconfig.get_path("purelib")) / "focus_validator"
    path = folder / "config_objects" / "focus_to_duckdb_converter.py"
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location(MODULE, path, loader=Rewriting(MODULE, str(path)))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    os.chdir(folder.parent)  # where it looks for its list of currencies


def main(file: str) -> None:
    file = str(Path(file).resolve())
    load_rewritten()
    validate = importlib.import_module("focus_validator.main").main

    sys.argv[1:] = [f"--data-file={file}", f"--validate-version={VERSION}", "--block-download"]
    sys.argv.append(f"--applicability-criteria={','.join(CRITERIA)}")
    validate()


if __name__ == "__main__":
    main(sys.argv[1])

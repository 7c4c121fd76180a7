"""The database keeps definitions as they are: what was counted by one was counted so for ever."""

import pgtrigger

REFUSE = """
RAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'definition_is_fixed',
    MESSAGE = 'A definition never changes: add one that starts later instead.';
"""


def _fixed(name: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=REFUSE,
    )


DEFINITION_IS_FIXED = _fixed("definition_is_fixed")
DIMENSION_IS_FIXED = _fixed("dimension_is_fixed")

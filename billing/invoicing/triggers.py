"""The database itself keeps an invoice as it was made, whoever asks it to change it."""

import pgtrigger

# IntegrityError, so that it is handled like any other broken rule; told apart by the name.
REFUSE = """
RAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_is_final',
    MESSAGE = 'An invoice never changes: correct it with a new one instead.';
"""


def final(name: str) -> pgtrigger.Trigger:
    """Refuse every update and deletion."""
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=REFUSE,
    )


# Positions are unique, so an invoice that has line_count lines has no room for another.
CHECK_ROOM = """
SELECT line_count INTO room FROM billing_invoice WHERE id = NEW.invoice_id;
IF NEW.position < 1 OR NEW.position > room THEN
    {refuse}
END IF;
RETURN NEW;
"""
LINES_ARE_COUNTED = pgtrigger.Trigger(
    name="invoice_lines_are_counted",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("room", "integer")],
    func=CHECK_ROOM.format(refuse=REFUSE),
)

CORRECTIONS_STAY_AT_HOME = pgtrigger.Trigger(
    name="corrections_stay_at_home",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Q(new__corrects__isnull=False),
    func="""
IF NOT EXISTS (
    SELECT FROM billing_invoice AS invoice JOIN billing_invoice AS corrected
        USING (organisation_id, currency)
    WHERE invoice.id = NEW.invoice_id AND corrected.id = NEW.corrects_id
        AND invoice.id <> corrected.id
) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'corrections_stay_at_home',
        MESSAGE = 'An invoice corrects others of its own organisation and currency only.';
END IF;
RETURN NEW;
""",
)

# Looked at when the transaction commits, so that no invoice is left with room for a line.
INVOICE_ADDS_UP = pgtrigger.Trigger(
    name="invoice_adds_up",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    timing=pgtrigger.Deferred,
    func="""
IF EXISTS (
    SELECT FROM billing_invoiceline AS line WHERE line.invoice_id = NEW.id
    HAVING count(*) <> NEW.line_count OR coalesce(sum(line.amount), 0) <> NEW.total
) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'invoice_adds_up',
        MESSAGE = 'The lines of invoice ' || NEW.number || ' are not all there or do not add up.';
END IF;
RETURN NULL;
""",
)

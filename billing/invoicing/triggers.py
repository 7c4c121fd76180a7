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


# Only that it is void may be said of an invoice, once, and with the document that reverses it.
INVOICE_IS_FINAL = pgtrigger.Trigger(
    name="invoice_is_final",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    func=f"""
IF TG_OP = 'UPDATE' AND OLD.voided_at IS NULL AND NEW.voided_at IS NOT NULL
    AND to_jsonb(NEW) - 'voided_at' = to_jsonb(OLD) - 'voided_at'
    AND EXISTS (SELECT FROM billing_creditnote WHERE invoice_id = NEW.id AND kind = 'void') THEN
    RETURN NEW;
END IF;
{REFUSE}
""",
)

# The invoice's row is locked first, so that two at once cannot take more than there is together.
CREDIT_NOTE_FITS = pgtrigger.Trigger(
    name="credit_note_fits",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    timing=pgtrigger.Deferred,
    declare=[("invoice", "billing_invoice")],
    func="""
SELECT * INTO invoice FROM billing_invoice WHERE id = NEW.invoice_id FOR NO KEY UPDATE;
IF EXISTS (
    SELECT FROM billing_creditnoteline AS line WHERE line.credit_note_id = NEW.id
    HAVING count(*) <> NEW.line_count OR coalesce(sum(line.amount), 0) <> NEW.total
) OR EXISTS (
    SELECT FROM billing_creditnoteline AS line JOIN billing_invoiceline AS credited
        ON credited.id = line.invoice_line_id
    WHERE line.credit_note_id = NEW.id AND credited.invoice_id <> NEW.invoice_id
) OR NEW.kind = 'void' AND invoice.voided_at IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'credit_note_adds_up',
        MESSAGE = 'Credit note ' || NEW.number || ' is not whole.';
END IF;
IF EXISTS (
    SELECT FROM billing_creditnote AS note WHERE note.invoice_id = NEW.invoice_id
    HAVING sum(note.gross) NOT BETWEEN least(invoice.gross, 0) AND greatest(invoice.gross, 0)
) OR EXISTS (
    SELECT FROM billing_creditnoteline AS line JOIN billing_invoiceline AS credited
        ON credited.id = line.invoice_line_id
    WHERE credited.invoice_id = NEW.invoice_id GROUP BY credited.id
    HAVING sum(line.amount) NOT BETWEEN least(credited.amount, 0) AND greatest(credited.amount, 0)
) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'credit_notes_stay_within_the_invoice',
        MESSAGE = 'The credit notes of invoice ' || invoice.number || ' exceed it.';
END IF;
RETURN NULL;
""",
)

PAYMENT_IS_OF_A_VALID_INVOICE = pgtrigger.Trigger(
    name="payment_is_of_a_valid_invoice",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func="""
IF EXISTS (
    SELECT FROM billing_invoice WHERE id = NEW.invoice_id AND voided_at IS NOT NULL FOR SHARE
) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'payment_is_of_a_valid_invoice',
        MESSAGE = 'The invoice is void: nothing is paid for it.';
END IF;
RETURN NEW;
""",
)

# Positions are unique, so an invoice that has line_count lines has no room for another. Looked at
# once for all lines of a statement; each looks its own invoice up, however many there are.
LINES_ARE_COUNTED = pgtrigger.Trigger(
    name="invoice_lines_are_counted",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
    func=f"""
IF EXISTS (
    SELECT FROM added WHERE position NOT BETWEEN 1 AND (
        SELECT line_count FROM billing_invoice WHERE id = added.invoice_id
    )
) THEN
    {REFUSE}
END IF;
RETURN NULL;
""",  # noqa: S608 (constants only)
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
IF NEW.taxes <> '[]' AND EXISTS (
    SELECT FROM jsonb_array_elements(NEW.taxes) AS line
    HAVING sum((line ->> 'tax')::numeric) <> NEW.tax
        OR sum((line ->> 'net')::numeric) <> NEW.gross - NEW.tax
) OR NEW.taxes = '[]' AND NEW.tax <> 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'invoice_taxes_add_up',
        MESSAGE = 'The tax lines of invoice ' || NEW.number || ' do not add up.';
END IF;
RETURN NULL;
""",
)

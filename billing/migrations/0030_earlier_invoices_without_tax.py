"""Invoices until now bore no tax: they are of a seller who is not registered for it."""

from django.db import migrations

# Their triggers would refuse it, rightly: nothing of what these invoices say changes.
FILL = """
INSERT INTO billing_legalentity (slug, legal_name, country, is_default, street, postcode, city,
    vat_id, email, exempt_reason, registration, bank, iban, bic, invoice_prefix,
    credit_note_prefix, payment_days)
SELECT 'seller', 'Catacloud', 'DE', true, '', '', '', '', '', '', '', '', '', '', 'INV', 'CN', 14
WHERE EXISTS (SELECT FROM billing_invoice);
ALTER TABLE billing_invoice DISABLE TRIGGER USER;
UPDATE billing_invoice SET gross = total, due_on = (issued_at AT TIME ZONE 'UTC')::date + 14,
    legal_entity_id = (SELECT id FROM billing_legalentity WHERE slug = 'seller');
ALTER TABLE billing_invoice ENABLE TRIGGER USER;
UPDATE sequences_sequence SET name = replace(name, 'invoices-', 'invoices-INV-')
WHERE name ~ '^invoices-[0-9]{4}$';
"""
BACK = """
UPDATE sequences_sequence SET name = replace(name, 'invoices-INV-', 'invoices-')
WHERE name ~ '^invoices-INV-[0-9]{4}$';
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0029_invoices_with_tax'),
        ('sequences', '0001_initial'),
    ]

    operations = [
        migrations.RunSQL(FILL, BACK),
    ]

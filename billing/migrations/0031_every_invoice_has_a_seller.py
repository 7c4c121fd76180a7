import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0030_earlier_invoices_without_tax'),
    ]

    operations = [
        migrations.AlterField(
            model_name='invoice',
            name='due_on',
            field=models.DateField(),
        ),
        migrations.AlterField(
            model_name='invoice',
            name='gross',
            field=models.DecimalField(decimal_places=4, max_digits=30),
        ),
        migrations.AlterField(
            model_name='invoice',
            name='legal_entity',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.legalentity'),
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='invoice',
            name='invoice_adds_up',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='invoice',
            trigger=pgtrigger.compiler.Trigger(name='invoice_adds_up', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func="\nIF EXISTS (\n    SELECT FROM billing_invoiceline AS line WHERE line.invoice_id = NEW.id\n    HAVING count(*) <> NEW.line_count OR coalesce(sum(line.amount), 0) <> NEW.total\n) THEN\n    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',\n        CONSTRAINT = 'invoice_adds_up',\n        MESSAGE = 'The lines of invoice ' || NEW.number || ' are not all there or do not add up.';\nEND IF;\nIF NEW.taxes <> '[]' AND EXISTS (\n    SELECT FROM jsonb_array_elements(NEW.taxes) AS line\n    HAVING sum((line ->> 'tax')::numeric) <> NEW.tax\n        OR sum((line ->> 'net')::numeric) <> NEW.gross - NEW.tax\n) OR NEW.taxes = '[]' AND NEW.tax <> 0 THEN\n    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',\n        CONSTRAINT = 'invoice_taxes_add_up',\n        MESSAGE = 'The tax lines of invoice ' || NEW.number || ' do not add up.';\nEND IF;\nRETURN NULL;\n", hash='f656ae9d87f9d66dc0bb1480c5805a3850ba2df8', operation='INSERT', pgid='pgtrigger_invoice_adds_up_38913', table='billing_invoice', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('gross', models.F('total')), ('prices_include_tax', True)), models.Q(('gross', django.db.models.expressions.CombinedExpression(models.F('total'), '+', models.F('tax'))), ('prices_include_tax', False)), _connector='OR'), name='invoice_gross_is_net_and_tax'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.CheckConstraint(condition=models.Q(('credit_used__gte', 0)), name='credit_used_is_credit'),
        ),
    ]

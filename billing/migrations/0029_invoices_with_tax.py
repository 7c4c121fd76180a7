import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0028_legal_parties'),
    ]

    operations = [
        migrations.AddField(
            model_name='invoice',
            name='buyer',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='invoice',
            name='credit_used',
            field=models.DecimalField(decimal_places=4, default=0, help_text='Of what earlier invoices and credit notes had left when it was issued.', max_digits=30),
        ),
        migrations.AddField(
            model_name='invoice',
            name='due_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='invoice',
            name='gross',
            field=models.DecimalField(decimal_places=4, null=True, max_digits=30),
        ),
        migrations.AddField(
            model_name='invoice',
            name='inputs_digest',
            field=models.CharField(blank=True, help_text='SHA-256 of what it was made of: see inputs.py.', max_length=64),
        ),
        migrations.AddField(
            model_name='invoice',
            name='language',
            field=models.CharField(choices=[('en', 'English'), ('de', 'German')], default='en', max_length=2),
        ),
        migrations.AddField(
            model_name='invoice',
            name='metered_until',
            field=models.BigIntegerField(help_text='The position up to which events had been metered.', null=True),
        ),
        migrations.AddField(
            model_name='invoice',
            name='prices_include_tax',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='invoice',
            name='reference',
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name='invoice',
            name='seller',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='invoice',
            name='tax',
            field=models.DecimalField(decimal_places=4, default=0, max_digits=30),
        ),
        migrations.AddField(
            model_name='invoice',
            name='taxes',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='invoiceline',
            name='tax_category',
            field=models.CharField(default='O', help_text='See tax.py.', max_length=2),
        ),
        migrations.AddField(
            model_name='invoiceline',
            name='tax_rate',
            field=models.DecimalField(decimal_places=2, default=0, max_digits=5),
        ),
        migrations.AddField(
            model_name='invoice',
            name='legal_entity',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to='billing.legalentity'),
        ),
    ]

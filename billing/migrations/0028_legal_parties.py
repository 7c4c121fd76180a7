import billing.invoicing.legal
import django.core.validators
import django.db.models.deletion
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_time_zone_and_external_key'),
        ('billing', '0027_terms_of_plans'),
    ]

    operations = [
        migrations.CreateModel(
            name='BillingDetails',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('legal_name', models.CharField(max_length=200)),
                ('street', models.CharField(blank=True, max_length=200)),
                ('postcode', models.CharField(blank=True, max_length=20)),
                ('city', models.CharField(blank=True, max_length=100)),
                ('country', models.CharField(help_text='Two letters, such as DE.', max_length=2, validators=[billing.invoicing.legal.validate_country])),
                ('vat_id', models.CharField(blank=True, help_text='DE123456788', max_length=20, validators=[billing.invoicing.legal.validate_vat_id], verbose_name='VAT id')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('exempt_reason', models.CharField(blank=True, help_text='The law that exempts it from VAT, if one does.', max_length=200)),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'German')], default='en', help_text='Of its invoices.', max_length=2)),
                ('reference', models.CharField(blank=True, help_text='What its invoices are to name: an order, a Leitweg-ID.', max_length=100)),
            ],
            options={
                'verbose_name_plural': 'billing details',
            },
        ),
        migrations.CreateModel(
            name='LegalEntity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('legal_name', models.CharField(max_length=200)),
                ('street', models.CharField(blank=True, max_length=200)),
                ('postcode', models.CharField(blank=True, max_length=20)),
                ('city', models.CharField(blank=True, max_length=100)),
                ('country', models.CharField(help_text='Two letters, such as DE.', max_length=2, validators=[billing.invoicing.legal.validate_country])),
                ('vat_id', models.CharField(blank=True, help_text='DE123456788', max_length=20, validators=[billing.invoicing.legal.validate_vat_id], verbose_name='VAT id')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('exempt_reason', models.CharField(blank=True, help_text='The law that exempts it from VAT, if one does.', max_length=200)),
                ('slug', models.SlugField(unique=True)),
                ('is_default', models.BooleanField(default=False, help_text='It invoices who has no other legal entity in the billing details.')),
                ('registration', models.CharField(blank=True, help_text='Such as Amtsgericht Kiel, HRB 12345.', max_length=100)),
                ('bank', models.CharField(blank=True, max_length=100)),
                ('iban', models.CharField(blank=True, max_length=34, validators=[billing.invoicing.legal.validate_iban], verbose_name='IBAN')),
                ('bic', models.CharField(blank=True, max_length=11, validators=[billing.invoicing.legal.validate_bic], verbose_name='BIC')),
                ('invoice_prefix', models.CharField(default='INV', max_length=12, unique=True)),
                ('credit_note_prefix', models.CharField(default='CN', max_length=12, unique=True)),
                ('payment_days', models.PositiveSmallIntegerField(default=14, help_text='How long invoices may stay unpaid.')),
            ],
            options={
                'verbose_name_plural': 'legal entities',
                'ordering': ['legal_name', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='VatRate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('country', models.CharField(max_length=2, validators=[billing.invoicing.legal.validate_country])),
                ('tax_class', models.SlugField(default='standard', help_text='Such as standard or reduced.', max_length=20)),
                ('percent', models.DecimalField(decimal_places=2, max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0'))])),
                ('starts_on', models.DateField()),
            ],
            options={
                'verbose_name': 'VAT rate',
                'ordering': ['country', 'tax_class', '-starts_on'],
            },
        ),
        migrations.AddField(
            model_name='billingdetails',
            name='organisation',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='billing_details', to='accounts.organisation'),
        ),
        migrations.AddConstraint(
            model_name='legalentity',
            constraint=models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('is_default',), name='one_default_legal_entity'),
        ),
        migrations.AddConstraint(
            model_name='legalentity',
            constraint=models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$')), name='seller_country_is_iso_3166'),
        ),
        migrations.AddField(
            model_name='billingdetails',
            name='legal_entity',
            field=models.ForeignKey(blank=True, help_text='Who invoices it. Empty: the default one.', null=True, on_delete=django.db.models.deletion.PROTECT, to='billing.legalentity'),
        ),
        migrations.AddField(
            model_name='vatrate',
            name='legal_entity',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='vat_rates', to='billing.legalentity'),
        ),
        migrations.AddConstraint(
            model_name='billingdetails',
            constraint=models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$')), name='buyer_country_is_iso_3166'),
        ),
        migrations.AddConstraint(
            model_name='vatrate',
            constraint=models.UniqueConstraint(fields=('legal_entity', 'country', 'tax_class', 'starts_on'), name='one_vat_rate_per_day'),
        ),
        migrations.AddConstraint(
            model_name='vatrate',
            constraint=models.CheckConstraint(condition=models.Q(('percent__gte', 0), ('percent__lte', 100)), name='vat_is_a_percentage'),
        ),
    ]

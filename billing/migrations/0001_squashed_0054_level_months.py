"""All of billing's tables as 0054 leaves them, at once: step by step they take twice as long.

A database that has had some of the steps goes on with them. Their SQL stands with them alone.
"""

import billing.invoicing.legal
import billing.pricing.models
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from decimal import Decimal
from importlib import import_module

from django.conf import settings
from django.db import migrations, models


def _of(step):
    return import_module(f'billing.migrations.{step}')


SERVICES = _of('0002_ready_made_services').SERVICES
DEFINITIONS = _of('0012_definitions_of_services')
VALUES = _of('0021_values_of_definitions')
ZONES = _of('0025_days_of_time_zones')
QUANTITIES = _of('0026_quantities_read_faster')
INDEXES = {
    'billing_usage_by_time': _of('0014_usage_by_time').INDEX,
    'billing_files_by_time': _of('0023_files_by_time').INDEX,
    'billing_few_among_usage': _of('0035_few_among_usage').INDEX,
    'billing_late_usage': _of('0047_late_usage').INDEX,
}


def create_services(apps, schema_editor):
    """Make the ready-made services and their first definitions; a sum was a counter at first."""
    Service = apps.get_model('billing', 'Service')
    Definition = apps.get_model('billing', 'Definition')
    for given in [*SERVICES, DEFINITIONS.TRANSFER]:
        fields = dict(given)
        event_type, path = fields.pop('event_type'), fields.pop('quantity_field')
        if fields['aggregation'] == 'counter':
            fields['aggregation'] = 'sum'
        Definition.objects.create(
            service=Service.objects.create(**fields),
            starts_at=DEFINITIONS.BEGINNING,
            event_types=[event_type],
            quantity_path=path,
        )


class Migration(migrations.Migration):

    replaces = [
        ('billing', '0001_initial'),
        ('billing', '0002_ready_made_services'),
        ('billing', '0010_published_and_final'),
        ('billing', '0011_service_definitions'),
        ('billing', '0012_definitions_of_services'),
        ('billing', '0013_services_without_event_types'),
        ('billing', '0014_usage_by_time'),
        ('billing', '0015_more_aggregations'),
        ('billing', '0016_services_by_api'),
        ('billing', '0017_usage_archives'),
        ('billing', '0018_kinds_of_prices'),
        ('billing', '0019_corrections_on_invoices'),
        ('billing', '0020_figures_that_are_no_sums'),
        ('billing', '0021_values_of_definitions'),
        ('billing', '0022_values_belong_to_definitions'),
        ('billing', '0023_files_by_time'),
        ('billing', '0024_small_payloads_stay'),
        ('billing', '0025_days_of_time_zones'),
        ('billing', '0026_quantities_read_faster'),
        ('billing', '0027_terms_of_plans'),
        ('billing', '0028_legal_parties'),
        ('billing', '0029_invoices_with_tax'),
        ('billing', '0030_earlier_invoices_without_tax'),
        ('billing', '0031_every_invoice_has_a_seller'),
        ('billing', '0032_payments_and_credit_notes'),
        ('billing', '0033_billing_accounts'),
        ('billing', '0034_issued_files'),
        ('billing', '0035_few_among_usage'),
        ('billing', '0036_retired_versions'),
        ('billing', '0037_lines_besides_usage'),
        ('billing', '0038_corrections_are_lines_of_their_kind'),
        ('billing', '0039_kinds_of_lines_hold'),
        ('billing', '0040_indexes_that_others_hold'),
        ('billing', '0041_plan_migrations'),
        ('billing', '0042_usage_changes'),
        ('billing', '0043_corrections_beside_usage'),
        ('billing', '0044_budgets'),
        ('billing', '0045_simulated_by_parts'),
        ('billing', '0046_rankings_of_organisations'),
        ('billing', '0047_late_usage'),
        ('billing', '0048_uncounted_days'),
        ('billing', '0049_taxes_of_charges'),
        ('billing', '0050_taxes_of_fees'),
        ('billing', '0051_others_on_invoices'),
        ('billing', '0052_currencies_of_discounts'),
        ('billing', '0053_slim_line_indexes'),
        ('billing', '0054_level_months'),
    ]

    initial = True

    dependencies = [
        ('accounts', '0006_language'),
        ('eventstore', '0017_throughput'),
        ('sequences', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Plan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True)),
                ('name', models.CharField(max_length=100)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='PlanVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('retired', 'Retired')], default='draft', max_length=10)),
                ('currency', models.CharField(default='EUR', help_text='ISO 4217, such as EUR.', max_length=3, validators=[billing.pricing.models.validate_currency])),
                ('published_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='billing.plan')),
                ('anchor', models.CharField(choices=[('calendar', 'calendar: from the first day of a month, a quarter or a year'), ('anniversary', 'anniversary: from the day of the month of the subscription')], default='calendar', help_text='When periods start.', max_length=12)),
                ('base_fee', models.DecimalField(decimal_places=12, default=0, help_text='Of each billing period, whatever is used.', max_digits=30)),
                ('base_fee_timing', models.CharField(choices=[('in_advance', 'in advance'), ('in_arrears', 'in arrears')], default='in_advance', help_text='In advance: of the period that begins. In arrears: of the one that is over.', max_length=10)),
                ('billing_period', models.CharField(choices=[('monthly', 'Monthly'), ('quarterly', 'Quarterly'), ('yearly', 'Yearly')], default='monthly', max_length=10)),
                ('effective_on', models.DateField(blank=True, help_text='No subscription starts before. Empty: at once.', null=True)),
                ('minimum_commitment', models.DecimalField(blank=True, decimal_places=12, help_text='The least that a billing period comes to before discounts and tax; what is missing becomes a line of its own.', max_digits=30, null=True)),
                ('tax_behaviour', models.CharField(choices=[('exclusive', 'exclusive: tax is added to the prices'), ('inclusive', 'inclusive: the prices contain the tax'), ('none', 'none: nothing is taxed')], default='exclusive', max_length=10)),
                ('base_fee_tax_class', models.SlugField(default='standard', help_text="Of the base fee: which of the seller's VAT rates it bears.", max_length=20)),
                ('commitment_tax_class', models.SlugField(default='standard', help_text='Of what a minimum commitment is short of.', max_length=20)),
            ],
            options={
                'ordering': ['plan', 'number'],
                'constraints': [models.UniqueConstraint(fields=('plan', 'number'), name='one_plan_version_per_number'), models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='plan_currency_is_iso_4217'), models.CheckConstraint(condition=models.Q(models.Q(('published_at', None), ('status', 'draft')), models.Q(('published_at__isnull', False), ('status__in', ['published', 'retired'])), _connector='OR'), name='plan_version_is_dated_once_published'), models.CheckConstraint(condition=models.Q(('base_fee__gte', 0), models.Q(('minimum_commitment', None), ('minimum_commitment__gte', 0), _connector='OR')), name='plan_version_amounts_are_not_negative', violation_error_message='A base fee or a commitment must not be below zero.'), models.CheckConstraint(condition=models.Q(('anchor__in', ['calendar', 'anniversary']), ('base_fee_timing__in', ['in_advance', 'in_arrears']), ('billing_period__in', ['monthly', 'quarterly', 'yearly']), ('tax_behaviour__in', ['exclusive', 'inclusive', 'none'])), name='plan_version_terms_are_known')],
            },
        ),
        migrations.CreateModel(
            name='Service',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True)),
                ('name', models.CharField(max_length=100)),
                ('aggregation', models.CharField(choices=[('sum', 'Sum'), ('count', 'Count'), ('max', 'Maximum'), ('latest', 'Latest'), ('unique_count', 'Unique count'), ('level', 'Level over time'), ('peak', 'Peak of a level')], help_text='What the events of a day or a month come to. Sum: their quantities added up. Count: how many events there were. Maximum: the greatest quantity. Latest: the quantity of the newest event, 0 where there was none. Unique count: how many different values there were, such as users. Level over time: each event changes a level, and each unit of it counts for as long as it is there, such as GB·h. Peak of a level: each event changes a level, and the highest that it stood at counts.', max_length=20)),
                ('unit', models.CharField(help_text='As shown and priced, such as GB·h.', max_length=20)),
                ('unit_size', models.DecimalField(decimal_places=12, help_text='How much of the figure makes one unit: 3600 s are 1 h.', max_digits=40)),
                ('level_unit', models.CharField(blank=True, help_text='Of a level, such as GB.', max_length=20)),
                ('level_unit_size', models.DecimalField(blank=True, decimal_places=12, help_text='10⁹ bytes are 1 GB.', max_digits=40, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('description', models.CharField(blank=True, max_length=1024)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('unit_size__gt', 0)), name='service_unit_is_positive'), models.CheckConstraint(condition=models.Q(models.Q(('aggregation', 'level'), _negated=True), models.Q(('level_unit_size__gt', 0), models.Q(('level_unit', ''), _negated=True)), _connector='OR'), name='service_level_has_a_unit')],
            },
        ),
        migrations.CreateModel(
            name='DailyUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('quantity', models.DecimalField(decimal_places=12, max_digits=60)),
                ('area', models.DecimalField(decimal_places=12, max_digits=60)),
                ('event_count', models.BigIntegerField()),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation')),
                ('service', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
                ('high', models.DecimalField(decimal_places=12, max_digits=60, null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['service', 'day'], name='dailyusage_service_day')],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'service', 'day'), name='one_row_per_organisation_service_day')],
            },
        ),
        migrations.CreateModel(
            name='Charge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model', models.CharField(choices=[('flat', 'flat'), ('per_unit', 'per unit'), ('package', 'by the package'), ('graduated', 'graduated: each unit at its own tier'), ('volume', 'volume: all units at the tier reached'), ('percentage', 'percentage of an amount of money'), ('graduated_percentage', 'graduated percentage: each amount at its own tier')], max_length=20)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='charges', to='billing.planversion')),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
                ('allowance', models.DecimalField(decimal_places=12, default=0, help_text='Units of a period that are free.', max_digits=30)),
                ('amount', models.DecimalField(blank=True, decimal_places=12, help_text='Of a flat price, or of one package.', max_digits=30, null=True)),
                ('divide_by', models.DecimalField(blank=True, decimal_places=12, help_text="To price other units than the service's: 1000 prices thousands. The result is rounded, once per period.", max_digits=30, null=True)),
                ('maximum', models.DecimalField(blank=True, decimal_places=12, help_text='The most that it comes to.', max_digits=30, null=True)),
                ('minimum', models.DecimalField(blank=True, decimal_places=12, help_text='The least that the charge comes to in a period.', max_digits=30, null=True)),
                ('package_size', models.DecimalField(blank=True, decimal_places=12, help_text='How many units a package holds; one that is begun counts whole.', max_digits=30, null=True)),
                ('rounding', models.CharField(choices=[('up', 'up'), ('down', 'down'), ('half_up', 'half up')], default='up', help_text='Of the division.', max_length=10)),
                ('dimension', models.SlugField(blank=True, help_text='Of the service, such as region. Empty: all usage, or the rest of it.')),
                ('event_fee', models.DecimalField(blank=True, decimal_places=12, help_text='Of a percentage: for each event, besides its share.', max_digits=30, null=True)),
                ('event_maximum', models.DecimalField(blank=True, decimal_places=12, help_text='Of a percentage: the most that an event costs.', max_digits=30, null=True)),
                ('event_minimum', models.DecimalField(blank=True, decimal_places=12, help_text='Of a percentage: the least that an event costs, its fee included.', max_digits=30, null=True)),
                ('flat_fee_on_zero', models.BooleanField(default=True, help_text='Whether it is due in a period in which nothing was used.', verbose_name="first tier's flat fee without usage")),
                ('free_events', models.PositiveIntegerField(blank=True, help_text='Of a percentage: how many events of a period are free.', null=True)),
                ('value', models.CharField(blank=True, help_text='What the dimension says, such as eu-central.', max_length=100)),
                ('tax_class', models.SlugField(default='standard', help_text="Which of the seller's VAT rates it bears: standard, reduced, … or exempt.", max_length=20)),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('amount__gte', 0), ('amount__isnull', False), ('model__in', ['flat', 'package'])), models.Q(models.Q(('model__in', ['flat', 'package']), _negated=True), ('amount', None)), _connector='OR'), name='charge_has_an_amount_or_tiers', violation_error_message='A flat price and a package have an amount, others none.'), models.CheckConstraint(condition=models.Q(models.Q(('model', 'package'), ('package_size__gt', 0), ('package_size__isnull', False)), models.Q(models.Q(('model', 'package'), _negated=True), ('package_size', None)), _connector='OR'), name='charge_package_has_a_size', violation_error_message='A package has a size above zero, and nothing else has.'), models.CheckConstraint(condition=models.Q(models.Q(('divide_by', None), ('divide_by__gt', 0), _connector='OR'), ('allowance__gte', 0), models.Q(('minimum', None), ('minimum__gte', 0), _connector='OR'), models.Q(('maximum', None), ('maximum__gte', 0), _connector='OR')), name='charge_terms_are_not_negative', violation_error_message='No term of a charge is below zero.'), models.UniqueConstraint(fields=('version', 'service', 'dimension', 'value'), name='one_charge_per_version_service_value'), models.CheckConstraint(condition=models.Q(models.Q(('dimension', ''), ('value', '')), models.Q(models.Q(('dimension', ''), _negated=True), models.Q(('value', ''), _negated=True)), _connector='OR'), name='charge_dimension_has_a_value', violation_error_message='A dimension and its value go together: name both, or none for the rest.'), models.CheckConstraint(condition=models.Q(models.Q(('event_fee', None), ('event_maximum', None), ('event_minimum', None), ('free_events', None)), models.Q(('model', 'percentage'), models.Q(('event_fee', None), ('event_fee__gte', 0), _connector='OR'), models.Q(('event_minimum', None), ('event_minimum__gte', 0), _connector='OR'), models.Q(('event_maximum', None), ('event_maximum__gte', 0), _connector='OR')), _connector='OR'), name='charge_event_terms_are_of_a_percentage', violation_error_message='Only a percentage has terms of its events, and none of them is below zero.')],
            },
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_on', models.DateField()),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='subscriptions', to='accounts.organisation')),
                ('plan_version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.planversion')),
                ('is_prorated', models.BooleanField(default=False, help_text='Whether it divides the period that it starts in: else that is all on the plan of its last day.')),
            ],
            options={
                'ordering': ['-starts_on'],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'starts_on'), name='one_subscription_per_day')],
            },
        ),
        migrations.CreateModel(
            name='Tier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('up_to', models.DecimalField(blank=True, decimal_places=12, help_text='Empty: without end.', max_digits=30, null=True)),
                ('unit_price', models.DecimalField(decimal_places=12, max_digits=30)),
                ('charge', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tiers', to='billing.charge')),
                ('cap', models.DecimalField(blank=True, decimal_places=12, help_text="The most that the tier's units cost.", max_digits=30, null=True)),
                ('flat_fee', models.DecimalField(decimal_places=12, default=0, help_text='Once, when the tier is reached.', max_digits=30)),
            ],
            options={
                'ordering': [models.OrderBy(models.F('up_to'), nulls_last=True)],
                'constraints': [models.UniqueConstraint(fields=('charge', 'up_to'), name='one_tier_per_charge_end', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('unit_price__gte', 0)), name='tier_price_is_not_negative', violation_error_message='A unit price must not be below zero.'), models.CheckConstraint(condition=models.Q(('up_to__gt', 0)), name='tier_end_is_positive', violation_error_message='A tier must end above zero.'), models.CheckConstraint(condition=models.Q(('flat_fee__gte', 0), models.Q(('cap', None), ('cap__gte', 0), _connector='OR')), name='tier_fee_and_cap_are_not_negative', violation_error_message='A flat fee or a cap must not be below zero.')],
            },
        ),
        migrations.CreateModel(
            name='Definition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField(help_text='Events of this moment and later are counted so, whenever they arrive.')),
                ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500), blank=True, help_text='The CloudEvents types that count, by commas. None: from then on it counts nothing.', size=None)),
                ('quantity_path', models.CharField(blank=True, help_text="Where in the event's data the quantity is, such as bytes or usage.bytes. A count needs none; of a unique count it is where the value is that is told apart, a text or a number, such as user.id.", max_length=200, validators=[django.core.validators.RegexValidator('^[^.\\s]+(\\.[^.\\s]+)*\\Z', "Name the field in the event's data, such as bytes or usage.bytes.")])),
                ('allows_negative', models.BooleanField(default=False, help_text='Whether a quantity may be negative; a change of a level always may.')),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='definitions', to='billing.service')),
            ],
            options={
                'ordering': ['service', '-starts_at'],
                'constraints': [models.UniqueConstraint(fields=('service', 'starts_at'), name='one_definition_starts_at_a_moment')],
            },
        ),
        migrations.CreateModel(
            name='Dimension',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.SlugField()),
                ('path', models.CharField(max_length=200, validators=[django.core.validators.RegexValidator('^[^.\\s]+(\\.[^.\\s]+)*\\Z', "Name the field in the event's data, such as bytes or usage.bytes.")])),
                ('at_most', models.PositiveIntegerField(default=100, help_text='How many values of an organisation are told apart: the first ones that come. All others count together.')),
                ('definition', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='dimensions', to='billing.definition')),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(fields=('definition', 'name'), name='dimension_is_named_once')],
            },
        ),
        migrations.CreateModel(
            name='DimensionValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.SlugField()),
                ('value', models.CharField(max_length=100)),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation')),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
                ('definition', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.definition')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organisation', 'definition', 'name', 'value'), name='dimension_value_is_known_once')],
            },
        ),
        migrations.CreateModel(
            name='HourlyUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('groups', models.JSONField()),
                ('quantity', models.DecimalField(decimal_places=12, max_digits=60)),
                ('area', models.DecimalField(decimal_places=12, max_digits=60)),
                ('event_count', models.BigIntegerField()),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation')),
                ('service', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
                ('high', models.DecimalField(decimal_places=12, max_digits=60, null=True)),
                ('last_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organisation', 'service', 'hour', 'groups'), name='one_row_per_organisation_service_hour_groups')],
            },
        ),
        migrations.CreateModel(
            name='PlatformUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('partition', models.SmallIntegerField()),
                ('day', models.DateField()),
                ('quantity', models.DecimalField(decimal_places=12, max_digits=60)),
                ('area', models.DecimalField(decimal_places=12, max_digits=60)),
                ('event_count', models.BigIntegerField()),
                ('service', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
                ('high', models.DecimalField(decimal_places=12, max_digits=60, null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('service', 'day', 'partition'), name='one_row_per_service_day_partition')],
            },
        ),
        migrations.CreateModel(
            name='VoidedEvent',
            fields=[
                ('pk', models.CompositePrimaryKey('organisation_id', 'stream_id', 'event_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('stream_id', models.UUIDField()),
                ('event_id', models.UUIDField()),
                ('voided_at', models.DateTimeField()),
                ('reason', models.TextField()),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation')),
            ],
        ),
        migrations.CreateModel(
            name='UsageArchive',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField(help_text='Its first day.')),
                ('first_position', models.BigIntegerField()),
                ('last_position', models.BigIntegerField()),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('event_count', models.BigIntegerField()),
                ('name', models.CharField(max_length=300, unique=True)),
                ('size', models.BigIntegerField(help_text='Of the file, in bytes.')),
                ('sha256', models.CharField(max_length=64)),
                ('rows_sha256', models.CharField(max_length=64)),
                ('written_at', models.DateTimeField()),
                ('record', models.BigIntegerField(null=True)),
                ('dropped_at', models.DateTimeField(null=True)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation')),
            ],
            options={
                'ordering': ['organisation', 'month', 'first_position'],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'month', 'first_position'), name='an_event_is_archived_once'), models.CheckConstraint(condition=models.Q(('event_count__gt', 0), ('last_position__gte', models.F('first_position'))), name='an_archive_has_events'), models.CheckConstraint(condition=models.Q(('record__isnull', True), ('dropped_at__isnull', False), _connector='OR'), name='what_is_on_record_is_dropped')],
            },
        ),
        migrations.CreateModel(
            name='PeakHour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('quantity', models.DecimalField(decimal_places=12, max_digits=60)),
                ('high', models.DecimalField(decimal_places=12, max_digits=60)),
                ('event_count', models.BigIntegerField()),
                ('last_at', models.DateTimeField()),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation')),
                ('service', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organisation', 'service', 'hour'), name='one_peak_per_hour')],
            },
        ),
        migrations.CreateModel(
            name='UniqueValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('groups', models.JSONField()),
                ('value', models.CharField(max_length=100)),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation')),
                ('service', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organisation', 'service', 'hour', 'groups', 'value'), name='a_value_is_unique_in_its_hour')],
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
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('is_default',), name='one_default_legal_entity'), models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$')), name='seller_country_is_iso_3166')],
            },
        ),
        migrations.CreateModel(
            name='Invoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=30, unique=True)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(help_text='The first day that is not in the period.')),
                ('currency', models.CharField(max_length=3)),
                ('total', models.DecimalField(decimal_places=4, max_digits=30)),
                ('line_count', models.PositiveIntegerField(help_text='So that a line cannot be added, or be missing, unseen.')),
                ('issued_at', models.DateTimeField()),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation')),
                ('plan_version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.planversion')),
                ('time_zone', models.CharField(default='UTC', help_text="The organisation's then: the days are its days.", max_length=64)),
                ('buyer', models.JSONField(default=dict)),
                ('credit_used', models.DecimalField(decimal_places=4, default=0, help_text='Of what earlier invoices and credit notes had left when it was issued.', max_digits=30)),
                ('due_on', models.DateField()),
                ('gross', models.DecimalField(decimal_places=4, max_digits=30)),
                ('inputs_digest', models.CharField(blank=True, help_text='SHA-256 of what it was made of: see inputs.py.', max_length=64)),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'German')], default='en', max_length=2)),
                ('metered_until', models.BigIntegerField(help_text='The position up to which events had been metered.', null=True)),
                ('prices_include_tax', models.BooleanField(default=False)),
                ('reference', models.CharField(blank=True, max_length=100)),
                ('seller', models.JSONField(default=dict)),
                ('tax', models.DecimalField(decimal_places=4, default=0, max_digits=30)),
                ('taxes', models.JSONField(default=list)),
                ('legal_entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.legalentity')),
                ('voided_at', models.DateTimeField(help_text='When it was reversed as a whole; the period may be invoiced again.', null=True)),
                ('metered_others', models.JSONField(default=dict, help_text='That of others in the volume account, by their ids.')),
            ],
            options={
                'ordering': ['-starts_on', '-number'],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_on__gt', models.F('starts_on'))), name='invoice_period_is_not_empty'), models.CheckConstraint(condition=models.Q(models.Q(('gross', models.F('total')), ('prices_include_tax', True)), models.Q(('gross', django.db.models.expressions.CombinedExpression(models.F('total'), '+', models.F('tax'))), ('prices_include_tax', False)), _connector='OR'), name='invoice_gross_is_net_and_tax'), models.CheckConstraint(condition=models.Q(('credit_used__gte', 0)), name='credit_used_is_credit'), models.UniqueConstraint(condition=models.Q(('voided_at', None)), fields=('organisation', 'starts_on'), name='one_invoice_per_organisation_period')],
            },
        ),
        migrations.CreateModel(
            name='InvoiceLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('service_name', models.CharField(help_text='Or, where it is for no service, what it is for.', max_length=100)),
                ('quantity', models.DecimalField(decimal_places=12, max_digits=60)),
                ('unit', models.CharField(max_length=20)),
                ('amount', models.DecimalField(decimal_places=4, max_digits=30)),
                ('working', models.JSONField()),
                ('invoice', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='billing.invoice')),
                ('service', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
                ('before_amount', models.DecimalField(decimal_places=4, max_digits=30, null=True)),
                ('before_quantity', models.DecimalField(decimal_places=12, max_digits=60, null=True)),
                ('corrects', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='corrections', to='billing.invoice')),
                ('value', models.CharField(blank=True, help_text="Of the charge's dimension, where it has one.", max_length=100)),
                ('tax_category', models.CharField(default='O', help_text='See tax.py.', max_length=2)),
                ('tax_rate', models.DecimalField(decimal_places=2, default=0, max_digits=5)),
                ('covers_from', models.DateField(help_text='Of a base fee: the first day of the period that it is for.', null=True)),
                ('kind', models.CharField(choices=[('usage', 'usage'), ('base_fee', 'base fee'), ('commitment', 'commitment'), ('discount', 'discount'), ('correction', 'correction'), ('credit', 'credit')], default='usage', max_length=10)),
                ('source_id', models.UUIDField(help_text="The discount's or the credit's.", null=True)),
                ('tax_class', models.SlugField(default='standard', help_text="The charge's.", max_length=20)),
            ],
            options={
                'ordering': ['position'],
                'constraints': [models.UniqueConstraint(fields=('invoice', 'position'), name='one_invoice_line_per_position'), models.CheckConstraint(condition=models.Q(models.Q(('before_amount__isnull', True), ('before_quantity__isnull', True), ('corrects__isnull', True)), models.Q(models.Q(('amount', 0), _negated=True), ('before_amount__isnull', False), ('before_quantity__isnull', False), ('corrects__isnull', False)), _connector='OR'), name='a_correction_is_whole_and_not_zero'), models.CheckConstraint(condition=models.Q(('kind__in', ['usage', 'base_fee', 'commitment', 'discount', 'correction', 'credit'])), name='line_kind_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('corrects__isnull', False), ('kind', 'correction')), models.Q(models.Q(('kind', 'correction'), _negated=True), ('corrects', None)), _connector='OR'), name='a_correction_names_what_it_corrects'), models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['discount', 'credit']), _negated=True), models.Q(('amount__lt', 0), ('source_id__isnull', False)), _connector='OR'), name='discounts_and_credits_take_off'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'usage'), _negated=True), ('service__isnull', False), _connector='OR'), name='usage_is_of_a_service'), models.UniqueConstraint(condition=models.Q(('kind', 'correction'), ('service', None)), fields=('invoice', 'corrects', 'source_id', 'tax_class'), name='what_hangs_on_usage_is_corrected_once_per_invoice', nulls_distinct=False), models.UniqueConstraint(condition=models.Q(('corrects__isnull', False)), fields=('invoice', 'corrects', 'service', 'value', 'tax_class'), name='a_charge_is_corrected_once_per_invoice')],
            },
        ),
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
                ('organisation', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='billing_details', to='accounts.organisation')),
                ('legal_entity', models.ForeignKey(blank=True, help_text='Who invoices it. Empty: the default one.', null=True, on_delete=django.db.models.deletion.PROTECT, to='billing.legalentity')),
            ],
            options={
                'verbose_name_plural': 'billing details',
                'constraints': [models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$')), name='buyer_country_is_iso_3166')],
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
                ('legal_entity', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='vat_rates', to='billing.legalentity')),
            ],
            options={
                'verbose_name': 'VAT rate',
                'ordering': ['country', 'tax_class', '-starts_on'],
                'constraints': [models.UniqueConstraint(fields=('legal_entity', 'country', 'tax_class', 'starts_on'), name='one_vat_rate_per_day'), models.CheckConstraint(condition=models.Q(('percent__gte', 0), ('percent__lte', 100)), name='vat_is_a_percentage')],
            },
        ),
        migrations.CreateModel(
            name='CreditNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=30, unique=True)),
                ('kind', models.CharField(choices=[('credit', 'credit'), ('correction', 'correction of usage'), ('void', 'reversal')], max_length=10)),
                ('reason', models.CharField(max_length=200)),
                ('total', models.DecimalField(decimal_places=4, max_digits=30)),
                ('taxes', models.JSONField(default=list)),
                ('tax', models.DecimalField(decimal_places=4, max_digits=30)),
                ('gross', models.DecimalField(decimal_places=4, max_digits=30)),
                ('line_count', models.PositiveIntegerField()),
                ('issued_at', models.DateTimeField()),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='credit_notes', to='billing.invoice')),
                ('legal_entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.legalentity')),
            ],
            options={
                'ordering': ['-issued_at', '-pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('kind', 'void')), fields=('invoice',), name='one_reversal_per_invoice'), models.CheckConstraint(condition=models.Q(('gross', models.F('total')), ('gross', django.db.models.expressions.CombinedExpression(models.F('total'), '+', models.F('tax'))), _connector='OR'), name='credit_note_gross_is_net_and_tax')],
            },
        ),
        migrations.CreateModel(
            name='CreditNoteLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('quantity', models.DecimalField(decimal_places=12, default=0, help_text='Of a correction: how much less was used.', max_digits=60)),
                ('amount', models.DecimalField(decimal_places=4, max_digits=30)),
                ('credit_note', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='billing.creditnote')),
                ('invoice_line', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='credit_lines', to='billing.invoiceline')),
            ],
            options={
                'ordering': ['position'],
                'constraints': [models.UniqueConstraint(fields=('credit_note', 'invoice_line'), name='one_credit_per_invoice_line'), models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='credit_is_not_nothing')],
            },
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.DecimalField(decimal_places=4, help_text='Gross.', max_digits=30)),
                ('received_on', models.DateField()),
                ('reference', models.CharField(help_text="The bank's or the provider's, once for each invoice.", max_length=100)),
                ('recorded_at', models.DateTimeField()),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='billing.invoice')),
                ('recorded_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['received_on', 'pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='payment_is_not_nothing'), models.UniqueConstraint(fields=('invoice', 'reference'), name='a_payment_is_recorded_once')],
            },
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
            ],
            options={
                'verbose_name': 'billing account',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('accounts.organisation',),
        ),
        migrations.CreateModel(
            name='Coupon',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.CharField(help_text='As the invoice names it.', max_length=100)),
                ('rate', models.DecimalField(blank=True, decimal_places=6, help_text='A share: 0.25 takes a quarter off.', max_digits=7, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.0001'), 'It must be above zero.'), django.core.validators.MaxValueValidator(1, 'A share is at most 1, which is all.')])),
                ('amount', models.DecimalField(blank=True, decimal_places=4, help_text='Off each invoice, as far as there is as much.', max_digits=30, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.0001'), 'It must be above zero.')])),
                ('currency', models.CharField(blank=True, help_text='Of the amount, such as EUR.', max_length=3, validators=[billing.pricing.models.validate_currency])),
                ('periods', models.PositiveIntegerField(blank=True, help_text='How many invoices it lowers: 1 is once. Empty: every one.', null=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('code', models.CharField(help_text='In capital letters, digits and hyphens.', max_length=40, unique=True)),
                ('most_redemptions', models.PositiveIntegerField(blank=True, help_text='By all organisations together. Empty: no limit.', null=True)),
                ('valid_until', models.DateField(blank=True, help_text='Its last day, in UTC. Empty: no end.', null=True)),
                ('redeemed', models.PositiveIntegerField(default=0, editable=False)),
                ('service', models.ForeignKey(blank=True, help_text='Empty: off all lines.', null=True, on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
            ],
            options={
                'ordering': ['code'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(models.Q(('amount', None), ('currency', ''), ('rate__gt', 0), ('rate__isnull', False), ('rate__lte', 1)), models.Q(('amount__gt', 0), ('amount__isnull', False), ('currency__regex', '^[A-Z]{3}$'), ('rate', None)), _connector='OR'), models.Q(('periods', None), ('periods__gt', 0), _connector='OR')), name='coupon_is_a_rate_or_an_amount', violation_error_message='Give a share between 0 and 1, or else an amount above zero with its currency.'), models.CheckConstraint(condition=models.Q(('code__regex', '^[A-Z0-9][A-Z0-9-]*$')), name='coupon_code_is_plain', violation_error_message='A code has capital letters, digits and hyphens only.'), models.CheckConstraint(condition=models.Q(('most_redemptions', None), ('redeemed__lte', models.F('most_redemptions')), _connector='OR'), name='coupon_is_not_redeemed_too_often', violation_error_message='It was redeemed more often than that already.')],
            },
        ),
        migrations.CreateModel(
            name='Credit',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('granted', 'granted: lowers what is taxed'), ('prepaid', 'prepaid: lowers what is to be paid, after tax')], max_length=10)),
                ('amount', models.DecimalField(decimal_places=4, max_digits=30)),
                ('currency', models.CharField(max_length=3)),
                ('reason', models.TextField()),
                ('added_at', models.DateTimeField()),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='credits', to='accounts.organisation')),
            ],
            options={
                'ordering': ['added_at', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='credit_is_above_zero'), models.CheckConstraint(condition=models.Q(('kind__in', ['granted', 'prepaid'])), name='credit_is_granted_or_prepaid')],
            },
        ),
        migrations.CreateModel(
            name='Discount',
            fields=[
                ('text', models.CharField(help_text='As the invoice names it.', max_length=100)),
                ('rate', models.DecimalField(blank=True, decimal_places=6, help_text='A share: 0.25 takes a quarter off.', max_digits=7, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.0001'), 'It must be above zero.'), django.core.validators.MaxValueValidator(1, 'A share is at most 1, which is all.')])),
                ('amount', models.DecimalField(blank=True, decimal_places=4, help_text='Off each invoice, as far as there is as much.', max_digits=30, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.0001'), 'It must be above zero.')])),
                ('currency', models.CharField(blank=True, help_text='Of the amount, such as EUR.', max_length=3, validators=[billing.pricing.models.validate_currency])),
                ('periods', models.PositiveIntegerField(blank=True, help_text='How many invoices it lowers: 1 is once. Empty: every one.', null=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(blank=True, null=True)),
                ('reason', models.TextField()),
                ('granted_at', models.DateTimeField()),
                ('coupon', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='billing.coupon')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='discounts', to='accounts.organisation')),
                ('service', models.ForeignKey(blank=True, help_text='Empty: off all lines.', null=True, on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
            ],
            options={
                'ordering': ['granted_at', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(models.Q(('amount', None), ('currency', ''), ('rate__gt', 0), ('rate__isnull', False), ('rate__lte', 1)), models.Q(('amount__gt', 0), ('amount__isnull', False), ('currency__regex', '^[A-Z]{3}$'), ('rate', None)), _connector='OR'), models.Q(('periods', None), ('periods__gt', 0), _connector='OR')), name='discount_is_a_rate_or_an_amount', violation_error_message='Give a share between 0 and 1, or else an amount above zero with its currency.'), models.CheckConstraint(condition=models.Q(('ends_on', None), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='discount_ends_after_its_start', violation_error_message='The end must not be before the start.'), models.UniqueConstraint(fields=('organisation', 'coupon'), name='one_redemption_per_organisation')],
            },
        ),
        migrations.CreateModel(
            name='PoolMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(blank=True, null=True)),
                ('reason', models.TextField()),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pool_memberships', to='accounts.organisation')),
                ('parent', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pool_members', to='accounts.organisation')),
            ],
            options={
                'ordering': ['-starts_on'],
                'constraints': [models.CheckConstraint(condition=models.Q(('organisation', models.F('parent')), _negated=True), name='nobody_is_its_own_parent'), models.UniqueConstraint(condition=models.Q(('ends_on', None)), fields=('organisation',), name='one_pool_at_a_time'), models.CheckConstraint(condition=models.Q(('ends_on', None), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='pool_is_left_after_it_is_joined', violation_error_message='The end must not be before the start.')],
            },
        ),
        migrations.CreateModel(
            name='PrepaidUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.DecimalField(decimal_places=4, max_digits=30)),
                ('credit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='billing.credit')),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='prepaid_uses', to='billing.invoice')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('credit', 'invoice'), name='an_invoice_takes_of_a_credit_once'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='prepaid_use_is_above_zero')],
            },
        ),
        migrations.CreateModel(
            name='PriceOverride',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('terms', models.JSONField()),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(blank=True, null=True)),
                ('reason', models.TextField()),
                ('made_at', models.DateTimeField()),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='price_overrides', to='accounts.organisation')),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
            ],
            options={
                'ordering': ['-starts_on'],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_on', None), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='own_price_ends_after_its_start', violation_error_message='The end must not be before the start.')],
            },
        ),
        migrations.CreateModel(
            name='Standstill',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('paused', 'Paused'), ('closed', 'Closed')], max_length=10)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(blank=True, null=True)),
                ('reason', models.TextField()),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='standstills', to='accounts.organisation')),
            ],
            options={
                'ordering': ['-starts_on'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ends_on', None)), fields=('organisation', 'kind'), name='one_standstill_of_a_kind_at_a_time'), models.CheckConstraint(condition=models.Q(('kind', 'paused'), models.Q(('ends_on', None), ('kind', 'closed')), _connector='OR'), name='a_closed_account_stays_closed'), models.CheckConstraint(condition=models.Q(('ends_on', None), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='standstill_ends_after_its_start', violation_error_message='The end must not be before the start.')],
            },
        ),
        migrations.CreateModel(
            name='IssuedFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='In the document storage.', max_length=200, unique=True)),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('size', models.PositiveIntegerField()),
                ('made_at', models.DateTimeField()),
                ('credit_note', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='file', to='billing.creditnote')),
                ('invoice', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='file', to='billing.invoice')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('credit_note', None), ('invoice__isnull', False)), models.Q(('credit_note__isnull', False), ('invoice', None)), _connector='OR'), name='a_file_is_of_one_document')],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.EmailField(max_length=254)),
                ('sent_at', models.DateTimeField(null=True)),
                ('file', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='delivery', to='billing.issuedfile')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
            },
        ),
        migrations.CreateModel(
            name='PlanMigration',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name_contains', models.CharField(blank=True, help_text='Only whose name contains this.', max_length=100)),
                ('slugs', models.TextField(blank=True, help_text='Only these, by their slugs, one a line.', verbose_name='organisations')),
                ('starts_on', models.DateField(blank=True, help_text="Empty: with each customer's next billing period. A day divides the period.", null=True)),
                ('keep_until', models.DateField(blank=True, help_text='Grandfathering: they stay until the first billing period from this day on.', null=True)),
                ('keeps_own_prices', models.BooleanField(default=True, help_text='Grandfathering: prices of their own stay in force.')),
                ('simulated_periods', models.PositiveSmallIntegerField(default=3, help_text='How many of the last closed periods the simulation rates anew.')),
                ('reason', models.TextField()),
                ('status', models.CharField(choices=[('named', 'Named'), ('running', 'Running'), ('done', 'Done'), ('undone', 'Undone')], default='named', max_length=10)),
                ('named_at', models.DateTimeField(editable=False)),
                ('simulated_at', models.DateTimeField(editable=False, null=True)),
                ('confirmed_at', models.DateTimeField(editable=False, null=True)),
                ('confirmed_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('from_version', models.ForeignKey(blank=True, help_text='Only who is on it. Empty: on any version.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.planversion')),
                ('to_version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.planversion')),
                ('simulating_since', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name': 'plan migration',
                'ordering': ['-named_at'],
                'constraints': [models.CheckConstraint(condition=models.Q(('starts_on', None), ('keep_until', None), _connector='OR'), name='a_migration_has_one_start', violation_error_message='Name a day to start, or one to stay until, not both.'), models.CheckConstraint(condition=models.Q(models.Q(('confirmed_at', None), ('status', 'named')), models.Q(('confirmed_at__isnull', False), ('simulated_at__isnull', False)), _connector='OR'), name='a_migration_is_simulated_before_it_runs')],
            },
        ),
        migrations.CreateModel(
            name='Move',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('periods', models.PositiveSmallIntegerField(default=0, help_text='That were rated anew.')),
                ('then', models.DecimalField(decimal_places=4, default=0, help_text='What they came to.', max_digits=30)),
                ('new', models.DecimalField(decimal_places=4, default=0, help_text='What they would come to.', max_digits=30)),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('moved', 'Moved'), ('refused', 'Refused'), ('undone', 'Undone')], default='waiting', max_length=10)),
                ('starts_on', models.DateField(null=True)),
                ('was_prorated', models.BooleanField(default=False)),
                ('ended_prices', models.JSONField(default=list, help_text='Ids, and when they were to end.')),
                ('why', models.TextField(blank=True, help_text='It was refused.')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='accounts.organisation')),
                ('version_before', models.ForeignKey(help_text='What was to start on that day without it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.planversion')),
                ('migration', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='moves', to='billing.planmigration')),
                ('simulated_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['organisation__name', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('migration', 'organisation'), name='an_organisation_moves_once'), models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['moved', 'undone']), _negated=True), ('starts_on__isnull', False), _connector='OR'), name='a_move_has_a_day')],
            },
        ),
        migrations.CreateModel(
            name='UsageChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField(help_text='Its first day.')),
                ('position', models.BigIntegerField()),
                ('level_position', models.BigIntegerField(null=True)),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organisation', 'month'), name='one_usage_change_per_month')],
            },
        ),
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('organisation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='budget', serialize=False, to='accounts.organisation')),
                ('amount', models.DecimalField(decimal_places=4, max_digits=30)),
                ('currency', models.CharField(max_length=3)),
                ('thresholds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('50', '50 % of it is reached'), ('80', '80 % of it is reached'), ('forecast', 'The forecast for the period is over it'), ('100', '100 % of it is reached')], max_length=8), blank=True, size=None)),
                ('stops', models.BooleanField(default=False)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='a_budget_is_above_zero'), models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='a_budget_is_in_a_currency'), models.CheckConstraint(condition=models.Q(('thresholds__contained_by', ['50', '80', 'forecast', '100'])), name='a_threshold_is_known')],
            },
        ),
        migrations.CreateModel(
            name='BudgetAlert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_on', models.DateField(help_text='Of the billing period.')),
                ('threshold', models.CharField(choices=[('50', '50 % of it is reached'), ('80', '80 % of it is reached'), ('forecast', 'The forecast for the period is over it'), ('100', '100 % of it is reached')], max_length=8)),
                ('amount', models.DecimalField(decimal_places=4, help_text='Of the budget.', max_digits=30)),
                ('currency', models.CharField(max_length=3)),
                ('total', models.DecimalField(decimal_places=4, max_digits=30)),
                ('reached_at', models.DateTimeField()),
                ('sent_at', models.DateTimeField(null=True)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='budget_alerts', to='accounts.organisation')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'starts_on', 'currency', 'amount', 'threshold'), name='a_threshold_is_told_once_a_period'), models.CheckConstraint(condition=models.Q(('threshold__in', ['50', '80', 'forecast', '100'])), name='an_alert_is_of_a_known_threshold')],
            },
        ),
        migrations.CreateModel(
            name='RevenueMark',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('as_of', models.DateTimeField()),
                ('so_far', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='Ranking',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first', models.DateField()),
                ('end', models.DateField()),
                ('before', models.DateField()),
                ('compared_days', models.PositiveIntegerField()),
                ('as_of', models.DateTimeField()),
                ('took', models.DurationField(help_text='Of one that is not whole yet: nothing.', null=True)),
                ('organisations', models.PositiveIntegerField(default=0)),
                ('unpriced', models.PositiveIntegerField(default=0)),
                ('costs', models.JSONField(default=list)),
                ('opening', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('invoices_final', models.PositiveIntegerField(default=0)),
                ('invoices_all', models.PositiveIntegerField(default=0)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('took__isnull', False)), fields=['first', 'end', 'before', 'compared_days', '-id'], name='ranking_newest_of_span')],
            },
        ),
        migrations.CreateModel(
            name='RankedOrganisation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='In small letters, to sort by.', max_length=200)),
                ('plan', models.CharField(blank=True, max_length=200)),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('opening', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('gb_hours', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('gb_hours_compared', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('gb_hours_before', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('gb_hours_difference', models.GeneratedField(db_persist=True, expression=django.db.models.expressions.CombinedExpression(models.F('gb_hours_compared'), '-', models.F('gb_hours_before')), output_field=models.DecimalField(decimal_places=12, default=0, max_digits=60))),
                ('gb_hours_percent', models.GeneratedField(db_persist=True, expression=django.db.models.functions.comparison.Coalesce(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.Value(100), '*', django.db.models.expressions.CombinedExpression(models.F('gb_hours_compared'), '-', models.F('gb_hours_before'))), '/', django.db.models.functions.comparison.NullIf(models.F('gb_hours_before'), models.Value(0, models.DecimalField(decimal_places=12, default=0, max_digits=60)))), models.Value(0, models.DecimalField(decimal_places=12, default=0, max_digits=60)), output_field=models.DecimalField(decimal_places=12, default=0, max_digits=60)), output_field=models.DecimalField(decimal_places=12, default=0, max_digits=60))),
                ('stored', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('stored_compared', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('stored_before', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('stored_difference', models.GeneratedField(db_persist=True, expression=django.db.models.expressions.CombinedExpression(models.F('stored_compared'), '-', models.F('stored_before')), output_field=models.DecimalField(decimal_places=12, default=0, max_digits=60))),
                ('stored_percent', models.GeneratedField(db_persist=True, expression=django.db.models.functions.comparison.Coalesce(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.Value(100), '*', django.db.models.expressions.CombinedExpression(models.F('stored_compared'), '-', models.F('stored_before'))), '/', django.db.models.functions.comparison.NullIf(models.F('stored_before'), models.Value(0, models.DecimalField(decimal_places=12, default=0, max_digits=60)))), models.Value(0, models.DecimalField(decimal_places=12, default=0, max_digits=60)), output_field=models.DecimalField(decimal_places=12, default=0, max_digits=60)), output_field=models.DecimalField(decimal_places=12, default=0, max_digits=60))),
                ('execution', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('execution_compared', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('execution_before', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('execution_difference', models.GeneratedField(db_persist=True, expression=django.db.models.expressions.CombinedExpression(models.F('execution_compared'), '-', models.F('execution_before')), output_field=models.DecimalField(decimal_places=12, default=0, max_digits=60))),
                ('execution_percent', models.GeneratedField(db_persist=True, expression=django.db.models.functions.comparison.Coalesce(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.Value(100), '*', django.db.models.expressions.CombinedExpression(models.F('execution_compared'), '-', models.F('execution_before'))), '/', django.db.models.functions.comparison.NullIf(models.F('execution_before'), models.Value(0, models.DecimalField(decimal_places=12, default=0, max_digits=60)))), models.Value(0, models.DecimalField(decimal_places=12, default=0, max_digits=60)), output_field=models.DecimalField(decimal_places=12, default=0, max_digits=60)), output_field=models.DecimalField(decimal_places=12, default=0, max_digits=60))),
                ('cost', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('cost_compared', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('cost_before', models.DecimalField(decimal_places=12, default=0, max_digits=60)),
                ('cost_difference', models.GeneratedField(db_persist=True, expression=django.db.models.expressions.CombinedExpression(models.F('cost_compared'), '-', models.F('cost_before')), output_field=models.DecimalField(decimal_places=12, default=0, max_digits=60))),
                ('cost_percent', models.GeneratedField(db_persist=True, expression=django.db.models.functions.comparison.Coalesce(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.Value(100), '*', django.db.models.expressions.CombinedExpression(models.F('cost_compared'), '-', models.F('cost_before'))), '/', django.db.models.functions.comparison.NullIf(models.F('cost_before'), models.Value(0, models.DecimalField(decimal_places=12, default=0, max_digits=60)))), models.Value(0, models.DecimalField(decimal_places=12, default=0, max_digits=60)), output_field=models.DecimalField(decimal_places=12, default=0, max_digits=60)), output_field=models.DecimalField(decimal_places=12, default=0, max_digits=60))),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='accounts.organisation')),
                ('ranking', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='billing.ranking')),
            ],
            options={
                'indexes': [models.Index(fields=['ranking', '-gb_hours', 'name'], name='ranked_gb_hours'), models.Index(fields=['ranking', '-gb_hours_difference', 'name'], name='ranked_gb_hours_difference'), models.Index(fields=['ranking', '-gb_hours_percent', 'name'], name='ranked_gb_hours_percent'), models.Index(fields=['ranking', '-stored', 'name'], name='ranked_stored'), models.Index(fields=['ranking', '-stored_difference', 'name'], name='ranked_stored_difference'), models.Index(fields=['ranking', '-stored_percent', 'name'], name='ranked_stored_percent'), models.Index(fields=['ranking', '-execution', 'name'], name='ranked_execution'), models.Index(fields=['ranking', '-execution_difference', 'name'], name='ranked_execution_difference'), models.Index(fields=['ranking', '-execution_percent', 'name'], name='ranked_execution_percent'), models.Index(fields=['ranking', '-cost', 'name'], name='ranked_cost'), models.Index(fields=['ranking', '-cost_difference', 'name'], name='ranked_cost_difference'), models.Index(fields=['ranking', '-cost_percent', 'name'], name='ranked_cost_percent')],
                'constraints': [models.UniqueConstraint(fields=('ranking', 'name', 'organisation'), name='an_organisation_is_ranked_once')],
            },
        ),
        migrations.CreateModel(
            name='UncountedDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('service_id', models.BigIntegerField(help_text='0 where no service counts the type.')),
                ('day', models.DateField(help_text='Of UTC.')),
                ('event_count', models.BigIntegerField()),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation')),
            ],
            options={
                'indexes': [models.Index(fields=['day'], name='uncounted_of_all')],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'day', 'service_id'), name='one_uncounted_day_per_service'), models.CheckConstraint(condition=models.Q(('event_count__gt', 0)), name='uncounted_are_some')],
            },
        ),
        migrations.CreateModel(
            name='LevelMonth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField(help_text='Its first day.')),
                ('quantity', models.DecimalField(decimal_places=12, max_digits=60)),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation')),
                ('service', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organisation', 'service', 'month'), name='one_level_change_per_month')],
            },
        ),
        migrations.RunSQL(QUANTITIES.QUANTITY, 'DROP FUNCTION billing_quantity'),
        migrations.RunSQL(DEFINITIONS.GROUPS, 'DROP FUNCTION billing_groups'),
        migrations.RunSQL(VALUES.VALUE, 'DROP FUNCTION billing_value'),
        migrations.RunSQL(VALUES.COUNTING, 'DROP VIEW billing_counting'),
        migrations.RunSQL(ZONES.GUARD, ZONES.NO_GUARD),
        *(migrations.RunSQL(INDEXES[name], f'DROP INDEX {name}') for name in INDEXES),
        pgtrigger.migrations.AddTrigger(
            model_name='planversion',
            trigger=pgtrigger.compiler.Trigger(name='published_version_is_frozen', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."status" IN (\'published\', \'retired\'))', func="\nIF TG_OP = 'UPDATE' AND OLD.status = 'published' AND NEW.status = 'retired'\n    AND to_jsonb(NEW) - 'status' = to_jsonb(OLD) - 'status' THEN\n    RETURN NEW;\nEND IF;\n\nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_plan_is_frozen',\n    MESSAGE = 'A published plan version never changes: make a new version instead.';\n\n", hash='3bad1e719713a25aa4fb8c85ec58216a4c9442b9', operation='UPDATE OR DELETE', pgid='pgtrigger_published_version_is_frozen_9425d', table='billing_planversion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planversion',
            trigger=pgtrigger.compiler.Trigger(name='published_prices_cover_all', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."status" = \'draft\' AND NOT (NEW."status" = \'draft\'))', func="\nIF EXISTS (\n    SELECT FROM billing_charge AS charge WHERE charge.version_id = NEW.id\n    GROUP BY charge.service_id\n    HAVING count(DISTINCT charge.dimension) FILTER (WHERE charge.dimension <> '') > 1\n        OR bool_and(charge.dimension <> '')\n) THEN\n    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',\n        CONSTRAINT = 'published_prices_cover_all',\n        MESSAGE = 'Prices by value are of one dimension of a service, beside one for the rest.';\nEND IF;\nRETURN NEW;\n", hash='37344737fa1521323b4ac8968f0f37327fa8daa5', operation='UPDATE', pgid='pgtrigger_published_prices_cover_all_b6984', table='billing_planversion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='dailyusage',
            trigger=pgtrigger.compiler.Trigger(name='new_usage_is_noted', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nINSERT INTO billing_usagechange AS known (organisation_id, month, position, level_position)\nSELECT organisation_id, month, now.position, CASE WHEN of_level THEN now.position END\nFROM (\n    SELECT organisation_id, date_trunc('month', day)::date AS month,\n        bool_or(aggregation IN ('level', 'peak')) AS of_level\n    FROM touched AS changed JOIN billing_service AS service ON service.id = service_id\n    GROUP BY 1, 2\n) AS changed CROSS JOIN (\n    SELECT coalesce(max(position), 0) + 1 FROM eventstore_checkpoint WHERE consumer = 'metrics'\n) AS now (position)\nORDER BY organisation_id, month\nON CONFLICT (organisation_id, month) DO UPDATE SET\n    position = greatest(known.position, excluded.position),\n    level_position = greatest(known.level_position, excluded.level_position)\nWHERE known.position < excluded.position\n    OR coalesce(known.level_position, -1) < excluded.level_position;\nRETURN NULL;", hash='65a406beb4eb96da2ce4d2e615cf7eb314d36f0a', level='STATEMENT', operation='INSERT', pgid='pgtrigger_new_usage_is_noted_94034', referencing='REFERENCING NEW TABLE AS touched ', table='billing_dailyusage', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='dailyusage',
            trigger=pgtrigger.compiler.Trigger(name='changed_usage_is_noted', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nINSERT INTO billing_usagechange AS known (organisation_id, month, position, level_position)\nSELECT organisation_id, month, now.position, CASE WHEN of_level THEN now.position END\nFROM (\n    SELECT organisation_id, date_trunc('month', day)::date AS month,\n        bool_or(aggregation IN ('level', 'peak')) AS of_level\n    FROM touched AS changed JOIN billing_service AS service ON service.id = service_id\n    GROUP BY 1, 2\n) AS changed CROSS JOIN (\n    SELECT coalesce(max(position), 0) + 1 FROM eventstore_checkpoint WHERE consumer = 'metrics'\n) AS now (position)\nORDER BY organisation_id, month\nON CONFLICT (organisation_id, month) DO UPDATE SET\n    position = greatest(known.position, excluded.position),\n    level_position = greatest(known.level_position, excluded.level_position)\nWHERE known.position < excluded.position\n    OR coalesce(known.level_position, -1) < excluded.level_position;\nRETURN NULL;", hash='e64f5948a16553c327df83220efb7593638dcf87', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_changed_usage_is_noted_bbf5b', referencing='REFERENCING NEW TABLE AS touched ', table='billing_dailyusage', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='dailyusage',
            trigger=pgtrigger.compiler.Trigger(name='deleted_usage_is_noted', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nINSERT INTO billing_usagechange AS known (organisation_id, month, position, level_position)\nSELECT organisation_id, month, now.position, CASE WHEN of_level THEN now.position END\nFROM (\n    SELECT organisation_id, date_trunc('month', day)::date AS month,\n        bool_or(aggregation IN ('level', 'peak')) AS of_level\n    FROM touched AS changed JOIN billing_service AS service ON service.id = service_id\n    GROUP BY 1, 2\n) AS changed CROSS JOIN (\n    SELECT coalesce(max(position), 0) + 1 FROM eventstore_checkpoint WHERE consumer = 'metrics'\n) AS now (position)\nORDER BY organisation_id, month\nON CONFLICT (organisation_id, month) DO UPDATE SET\n    position = greatest(known.position, excluded.position),\n    level_position = greatest(known.level_position, excluded.level_position)\nWHERE known.position < excluded.position\n    OR coalesce(known.level_position, -1) < excluded.level_position;\nRETURN NULL;", hash='0a62a5c1542638d9d70f56250deb617e8e066ee5', level='STATEMENT', operation='DELETE', pgid='pgtrigger_deleted_usage_is_noted_ce0ad', referencing='REFERENCING OLD TABLE AS touched ', table='billing_dailyusage', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='dailyusage',
            trigger=pgtrigger.compiler.Trigger(name='new_levels_are_added', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nINSERT INTO billing_levelmonth AS known (organisation_id, service_id, month, quantity)\nSELECT organisation_id, service_id, date_trunc('month', day)::date, sum(change)\nFROM (SELECT organisation_id, service_id, day, quantity AS change FROM touched) AS changed JOIN billing_service AS service ON service.id = service_id\nWHERE aggregation IN ('level', 'peak')\nGROUP BY 1, 2, 3 HAVING sum(change) <> 0 ORDER BY 1, 2, 3\nON CONFLICT (organisation_id, service_id, month)\n    DO UPDATE SET quantity = known.quantity + excluded.quantity;\nRETURN NULL;", hash='7723e5e1915af8ab7499e43165d604ca08a4a0da', level='STATEMENT', operation='INSERT', pgid='pgtrigger_new_levels_are_added_d9d34', referencing='REFERENCING NEW TABLE AS touched ', table='billing_dailyusage', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='dailyusage',
            trigger=pgtrigger.compiler.Trigger(name='changed_levels_are_added', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nINSERT INTO billing_levelmonth AS known (organisation_id, service_id, month, quantity)\nSELECT organisation_id, service_id, date_trunc('month', day)::date, sum(change)\nFROM (SELECT organisation_id, service_id, day, quantity AS change FROM touched UNION ALL SELECT organisation_id, service_id, day, -quantity AS change FROM gone) AS changed JOIN billing_service AS service ON service.id = service_id\nWHERE aggregation IN ('level', 'peak')\nGROUP BY 1, 2, 3 HAVING sum(change) <> 0 ORDER BY 1, 2, 3\nON CONFLICT (organisation_id, service_id, month)\n    DO UPDATE SET quantity = known.quantity + excluded.quantity;\nRETURN NULL;", hash='ebd4d1ff71e46639918a50efcce37c45ae4793f9', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_changed_levels_are_added_01e43', referencing='REFERENCING OLD TABLE AS gone  NEW TABLE AS touched ', table='billing_dailyusage', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='dailyusage',
            trigger=pgtrigger.compiler.Trigger(name='deleted_levels_are_taken', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nINSERT INTO billing_levelmonth AS known (organisation_id, service_id, month, quantity)\nSELECT organisation_id, service_id, date_trunc('month', day)::date, sum(change)\nFROM (SELECT organisation_id, service_id, day, -quantity AS change FROM gone) AS changed JOIN billing_service AS service ON service.id = service_id\nWHERE aggregation IN ('level', 'peak')\nGROUP BY 1, 2, 3 HAVING sum(change) <> 0 ORDER BY 1, 2, 3\nON CONFLICT (organisation_id, service_id, month)\n    DO UPDATE SET quantity = known.quantity + excluded.quantity;\nRETURN NULL;", hash='9aa4df405e5e13433653a8a3239091f9af80c28c', level='STATEMENT', operation='DELETE', pgid='pgtrigger_deleted_levels_are_taken_460d0', referencing='REFERENCING OLD TABLE AS gone ', table='billing_dailyusage', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='charge',
            trigger=pgtrigger.compiler.Trigger(name='published_charge_is_frozen', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE status text;', func="\nFOR status IN\n    SELECT version.status FROM billing_planversion AS version WHERE version.id IN (OLD.version_id, NEW.version_id)\n    ORDER BY version.id FOR SHARE\nLOOP\n    IF status <> 'draft' THEN\n        \nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_plan_is_frozen',\n    MESSAGE = 'A published plan version never changes: make a new version instead.';\n\n    END IF;\nEND LOOP;\nRETURN COALESCE(NEW, OLD);\n", hash='e317874339480073eb1a4c8a1ebce2cd070d7a89', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_published_charge_is_frozen_6b79f', table='billing_charge', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='subscription',
            trigger=pgtrigger.compiler.Trigger(name='version_is_on_offer', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE offered billing_planversion%ROWTYPE;', func="\nSELECT * INTO offered FROM billing_planversion WHERE id = NEW.plan_version_id FOR SHARE;\nIF NEW.starts_on < offered.effective_on OR offered.status = 'draft'\n    OR TG_OP = 'INSERT' AND offered.status = 'retired' AND NOT EXISTS (\n        SELECT FROM billing_subscription AS earlier\n        WHERE earlier.organisation_id = NEW.organisation_id\n            AND earlier.plan_version_id = NEW.plan_version_id\n    )\nTHEN\n    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',\n        CONSTRAINT = 'version_is_on_offer',\n        MESSAGE = 'The plan version is a draft, is retired or is not in effect by then.';\nEND IF;\nRETURN NEW;\n", hash='7f665f726b1b6171bb2f1c19638d0111a79792cb', operation='INSERT OR UPDATE', pgid='pgtrigger_version_is_on_offer_dd72e', table='billing_subscription', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='tier',
            trigger=pgtrigger.compiler.Trigger(name='published_tier_is_frozen', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE status text;', func="\nFOR status IN\n    SELECT version.status FROM billing_planversion AS version WHERE version.id IN (SELECT charge.version_id FROM billing_charge AS charge WHERE charge.id IN (OLD.charge_id, NEW.charge_id))\n    ORDER BY version.id FOR SHARE\nLOOP\n    IF status <> 'draft' THEN\n        \nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_plan_is_frozen',\n    MESSAGE = 'A published plan version never changes: make a new version instead.';\n\n    END IF;\nEND LOOP;\nRETURN COALESCE(NEW, OLD);\n", hash='c40586257d9244baac6317b2f151e8326d06f901', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_published_tier_is_frozen_3adf2', table='billing_tier', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='definition',
            trigger=pgtrigger.compiler.Trigger(name='definition_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'definition_is_fixed',\n    MESSAGE = 'A definition never changes: add one that starts later instead.';\n", hash='aa469fe8d11a9f1fc1980f36b10b1364119d5e3c', operation='UPDATE OR DELETE', pgid='pgtrigger_definition_is_fixed_47987', table='billing_definition', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='dimension',
            trigger=pgtrigger.compiler.Trigger(name='dimension_is_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'definition_is_fixed',\n    MESSAGE = 'A definition never changes: add one that starts later instead.';\n", hash='56ec6a34caaa6eafeff809b7848b490738810825', operation='UPDATE OR DELETE', pgid='pgtrigger_dimension_is_fixed_8dda8', table='billing_dimension', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='usagearchive',
            trigger=pgtrigger.compiler.Trigger(name='archives_are_only_dropped', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF TG_OP = 'UPDATE' AND OLD.dropped_at IS NULL AND NEW.dropped_at IS NOT NULL\n    AND to_jsonb(NEW) - 'dropped_at' - 'record' = to_jsonb(OLD) - 'dropped_at' - 'record'\nTHEN\n    RETURN NEW;\nEND IF;\nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archives_are_only_dropped',\n    MESSAGE = 'An archive stays in the manifest as it is; its payloads may only be dropped, once.';\n", hash='c0a5af22258dc3525cd4ad5155fcb4ca84b340b2', operation='UPDATE OR DELETE', pgid='pgtrigger_archives_are_only_dropped_b3d74', table='billing_usagearchive', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='invoice',
            trigger=pgtrigger.compiler.Trigger(name='invoice_adds_up', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func="\nIF EXISTS (\n    SELECT FROM billing_invoiceline AS line WHERE line.invoice_id = NEW.id\n    HAVING count(*) <> NEW.line_count OR coalesce(sum(line.amount), 0) <> NEW.total\n) THEN\n    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',\n        CONSTRAINT = 'invoice_adds_up',\n        MESSAGE = 'The lines of invoice ' || NEW.number || ' are not all there or do not add up.';\nEND IF;\nIF NEW.taxes <> '[]' AND EXISTS (\n    SELECT FROM jsonb_array_elements(NEW.taxes) AS line\n    HAVING sum((line ->> 'tax')::numeric) <> NEW.tax\n        OR sum((line ->> 'net')::numeric) <> NEW.gross - NEW.tax\n) OR NEW.taxes = '[]' AND NEW.tax <> 0 THEN\n    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',\n        CONSTRAINT = 'invoice_taxes_add_up',\n        MESSAGE = 'The tax lines of invoice ' || NEW.number || ' do not add up.';\nEND IF;\nRETURN NULL;\n", hash='f656ae9d87f9d66dc0bb1480c5805a3850ba2df8', operation='INSERT', pgid='pgtrigger_invoice_adds_up_38913', table='billing_invoice', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='invoice',
            trigger=pgtrigger.compiler.Trigger(name='invoice_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF TG_OP = 'UPDATE' AND OLD.voided_at IS NULL AND NEW.voided_at IS NOT NULL\n    AND to_jsonb(NEW) - 'voided_at' = to_jsonb(OLD) - 'voided_at'\n    AND EXISTS (SELECT FROM billing_creditnote WHERE invoice_id = NEW.id AND kind = 'void') THEN\n    RETURN NEW;\nEND IF;\n\nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_is_final',\n    MESSAGE = 'An invoice never changes: correct it with a new one instead.';\n\n", hash='b1a5fcd25ff1b560bf552ffd34b2d2af7badd1aa', operation='UPDATE OR DELETE', pgid='pgtrigger_invoice_is_final_3c45e', table='billing_invoice', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='invoiceline',
            trigger=pgtrigger.compiler.Trigger(name='invoice_line_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_is_final',\n    MESSAGE = 'An invoice never changes: correct it with a new one instead.';\n", hash='e6e769ea95d4945270ffd19dfd1166ca59c98524', operation='UPDATE OR DELETE', pgid='pgtrigger_invoice_line_is_final_5ce47', table='billing_invoiceline', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='invoiceline',
            trigger=pgtrigger.compiler.Trigger(name='corrections_stay_at_home', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."corrects_id" IS NOT NULL)', func="\nIF NOT EXISTS (\n    SELECT FROM billing_invoice AS invoice JOIN billing_invoice AS corrected\n        USING (organisation_id, currency)\n    WHERE invoice.id = NEW.invoice_id AND corrected.id = NEW.corrects_id\n        AND invoice.id <> corrected.id\n) THEN\n    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',\n        CONSTRAINT = 'corrections_stay_at_home',\n        MESSAGE = 'An invoice corrects others of its own organisation and currency only.';\nEND IF;\nRETURN NEW;\n", hash='d6c91f4d24f238523fc3804aa7af2d944b08117b', operation='INSERT', pgid='pgtrigger_corrections_stay_at_home_03bb1', table='billing_invoiceline', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='invoiceline',
            trigger=pgtrigger.compiler.Trigger(name='invoice_lines_are_counted', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT FROM added WHERE position NOT BETWEEN 1 AND (\n        SELECT line_count FROM billing_invoice WHERE id = added.invoice_id\n    )\n) THEN\n    \nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_is_final',\n    MESSAGE = 'An invoice never changes: correct it with a new one instead.';\n\nEND IF;\nRETURN NULL;\n", hash='8afcaed57142dc78d122e20647ea966af660713b', level='STATEMENT', operation='INSERT', pgid='pgtrigger_invoice_lines_are_counted_de772', referencing='REFERENCING NEW TABLE AS added ', table='billing_invoiceline', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='creditnote',
            trigger=pgtrigger.compiler.Trigger(name='credit_note_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_is_final',\n    MESSAGE = 'An invoice never changes: correct it with a new one instead.';\n", hash='b2bda546fa4aeeb3dad78c6072231bf0ffc98c15', operation='UPDATE OR DELETE', pgid='pgtrigger_credit_note_is_final_94145', table='billing_creditnote', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='creditnote',
            trigger=pgtrigger.compiler.Trigger(name='credit_note_fits', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', declare='DECLARE invoice billing_invoice;', func="\nSELECT * INTO invoice FROM billing_invoice WHERE id = NEW.invoice_id FOR NO KEY UPDATE;\nIF EXISTS (\n    SELECT FROM billing_creditnoteline AS line WHERE line.credit_note_id = NEW.id\n    HAVING count(*) <> NEW.line_count OR coalesce(sum(line.amount), 0) <> NEW.total\n) OR EXISTS (\n    SELECT FROM billing_creditnoteline AS line JOIN billing_invoiceline AS credited\n        ON credited.id = line.invoice_line_id\n    WHERE line.credit_note_id = NEW.id AND credited.invoice_id <> NEW.invoice_id\n) OR NEW.kind = 'void' AND invoice.voided_at IS NULL THEN\n    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',\n        CONSTRAINT = 'credit_note_adds_up',\n        MESSAGE = 'Credit note ' || NEW.number || ' is not whole.';\nEND IF;\nIF EXISTS (\n    SELECT FROM billing_creditnote AS note WHERE note.invoice_id = NEW.invoice_id\n    HAVING sum(note.gross) NOT BETWEEN least(invoice.gross, 0) AND greatest(invoice.gross, 0)\n) OR EXISTS (\n    SELECT FROM billing_creditnoteline AS line JOIN billing_invoiceline AS credited\n        ON credited.id = line.invoice_line_id\n    WHERE credited.invoice_id = NEW.invoice_id GROUP BY credited.id\n    HAVING sum(line.amount) NOT BETWEEN least(credited.amount, 0) AND greatest(credited.amount, 0)\n) THEN\n    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',\n        CONSTRAINT = 'credit_notes_stay_within_the_invoice',\n        MESSAGE = 'The credit notes of invoice ' || invoice.number || ' exceed it.';\nEND IF;\nRETURN NULL;\n", hash='dcf75d7b0ec76fa381326627037bbd468e886965', operation='INSERT', pgid='pgtrigger_credit_note_fits_6cd5f', table='billing_creditnote', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='creditnoteline',
            trigger=pgtrigger.compiler.Trigger(name='credit_note_line_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_is_final',\n    MESSAGE = 'An invoice never changes: correct it with a new one instead.';\n", hash='fbaefdaeb2a52475ac948e009e100c2744350928', operation='UPDATE OR DELETE', pgid='pgtrigger_credit_note_line_is_final_8aa54', table='billing_creditnoteline', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payment',
            trigger=pgtrigger.compiler.Trigger(name='payment_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_is_final',\n    MESSAGE = 'An invoice never changes: correct it with a new one instead.';\n", hash='4fdc22a895bede4b992d29277a59f21c1768e967', operation='UPDATE OR DELETE', pgid='pgtrigger_payment_is_final_3ac09', table='billing_payment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payment',
            trigger=pgtrigger.compiler.Trigger(name='payment_is_of_a_valid_invoice', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT FROM billing_invoice WHERE id = NEW.invoice_id AND voided_at IS NOT NULL FOR SHARE\n) THEN\n    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',\n        CONSTRAINT = 'payment_is_of_a_valid_invoice',\n        MESSAGE = 'The invoice is void: nothing is paid for it.';\nEND IF;\nRETURN NEW;\n", hash='47cb8d74367dd8bed8986e8dd3c44b87955c54d2', operation='INSERT', pgid='pgtrigger_payment_is_of_a_valid_invoice_c21bf', table='billing_payment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='issuedfile',
            trigger=pgtrigger.compiler.Trigger(name='issued_file_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nRAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_is_final',\n    MESSAGE = 'An invoice never changes: correct it with a new one instead.';\n", hash='8b2c5e92af276fb15aa39eca840c8873346c362c', operation='UPDATE OR DELETE', pgid='pgtrigger_issued_file_is_final_7c5c8', table='billing_issuedfile', when='BEFORE')),
        ),
        migrations.RunPython(create_services, migrations.RunPython.noop),
    ]

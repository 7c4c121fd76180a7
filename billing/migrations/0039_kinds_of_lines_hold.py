from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0038_corrections_are_lines_of_their_kind'),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='invoiceline',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['usage', 'base_fee', 'commitment', 'discount', 'correction', 'credit'])), name='line_kind_is_known'),
        ),
        migrations.AddConstraint(
            model_name='invoiceline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['usage', 'correction']), _negated=True), ('service__isnull', False), _connector='OR'), name='usage_is_of_a_service'),
        ),
        migrations.AddConstraint(
            model_name='invoiceline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('corrects__isnull', False), ('kind', 'correction')), models.Q(models.Q(('kind', 'correction'), _negated=True), ('corrects', None)), _connector='OR'), name='a_correction_names_what_it_corrects'),
        ),
        migrations.AddConstraint(
            model_name='invoiceline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['discount', 'credit']), _negated=True), models.Q(('amount__lt', 0), ('source_id__isnull', False)), _connector='OR'), name='discounts_and_credits_take_off'),
        ),
    ]

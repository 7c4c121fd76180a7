from django.db import migrations, models

# The rows of an organisation that has usage are of its time zone's days: whoever changes the zone
# makes them anew, and says so for the transaction. It is billing's, for accounts know no usage.
GUARD = """
CREATE FUNCTION billing_time_zone_of_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('catacloud.time_zone_of', true) IS DISTINCT FROM NEW.id::text AND EXISTS (
        SELECT FROM billing_hourlyusage WHERE organisation_id = NEW.id
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'time_zone_of_usage',
            MESSAGE = 'Usage of this organisation stands by the days of its time zone: '
                'change it in the admin, which makes them anew.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER time_zone_of_usage BEFORE UPDATE ON accounts_organisation
FOR EACH ROW WHEN (OLD.time_zone IS DISTINCT FROM NEW.time_zone)
EXECUTE FUNCTION billing_time_zone_of_usage()
"""
NO_GUARD = """
DROP TRIGGER time_zone_of_usage ON accounts_organisation;
DROP FUNCTION billing_time_zone_of_usage()
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0024_small_payloads_stay'),
        ('accounts', '0003_time_zone_and_external_key'),
    ]

    operations = [
        migrations.AddField(
            model_name='invoice',
            name='time_zone',
            field=models.CharField(default='UTC', help_text="The organisation's then: the days are its days.", max_length=64),
        ),
        migrations.RunSQL(GUARD, NO_GUARD),
    ]

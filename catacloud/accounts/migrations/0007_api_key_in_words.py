from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_language")]

    operations = [migrations.AlterModelOptions("apikey", {"verbose_name": "API key"})]

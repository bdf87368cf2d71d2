from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("keyrequests", "0008_audits"),
    ]

    operations = [
        migrations.AddField(
            model_name="policychange",
            name="taken_at",
            field=models.DateTimeField(null=True),
        ),
    ]

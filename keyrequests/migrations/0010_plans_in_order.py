from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("keyrequests", "0009_taken_at"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="keypolicy",
            options={"ordering": ["pk"]},
        ),
        migrations.AlterModelOptions(
            name="requestedplan",
            options={"ordering": ["pk"]},
        ),
    ]

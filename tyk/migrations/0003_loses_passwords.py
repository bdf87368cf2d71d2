from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tyk', '0002_desk_and_alarms'),
    ]

    operations = [
        migrations.AddField(
            model_name='organisation',
            name='loses_passwords',
            field=models.BooleanField(default=False),
        ),
    ]

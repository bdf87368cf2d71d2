from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keyrequests', '0005_owners_of_events'),
    ]

    operations = [
        migrations.AddField(
            model_name='key',
            name='reset_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='key',
            name='reset_day_hits',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='key',
            name='reset_hour_hits',
            field=models.PositiveBigIntegerField(default=0),
        ),
    ]

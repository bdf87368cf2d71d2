from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keyrequests', '0006_quota_resets'),
    ]

    operations = [
        migrations.AddField(
            model_name='key',
            name='quota_full_told_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='key',
            name='quota_near_told_at',
            field=models.DateTimeField(null=True),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('developers', '0002_account_pages'),
    ]

    operations = [
        migrations.AddField(
            model_name='developer',
            name='agreed',
            field=models.CharField(blank=True, max_length=64, default=''),
            preserve_default=False,
        ),
    ]

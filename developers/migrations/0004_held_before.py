import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('developers', '0003_agreed'),
    ]

    operations = [
        migrations.CreateModel(
            name='HeldBefore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fps', models.JSONField(default=list)),
                ('kept_at', models.DateTimeField(auto_now=True)),
                ('developer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, to='developers.developer')),
            ],
        ),
    ]

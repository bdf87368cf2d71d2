import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('keyrequests', '0002_usage'),
    ]

    operations = [
        migrations.AlterField(
            model_name='event',
            name='verb',
            field=models.CharField(choices=[('sent', 'sent the request'), ('delivered', 'request reached Tyk'), ('approved', 'approved'), ('declined', 'declined'), ('withdrawn', 'withdrew the request'), ('lapsed', 'the approval lapsed'), ('claimed', 'claimed the key'), ('unsure', 'the answer to a claim was lost'), ('settled', 'a lost claim was settled'), ('found', 'a key was found in Tyk'), ('replaced', 'replaced the key'), ('revoke_asked', 'asked to revoke the key'), ('revoked', 'the key was revoked'), ('plans_asked', 'asked to change the plan'), ('plans_set', 'the plan was changed'), ('quota_asked', 'asked to reset the quota'), ('quota_reset', 'the quota was reset'), ('refused', 'a decision was refused')], max_length=12),
        ),
        migrations.CreateModel(
            name='PolicyChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('before', models.JSONField()),
                ('after', models.JSONField()),
                ('sent', models.JSONField(default=list)),
                ('by', models.CharField(max_length=200)),
                ('asked_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('state', models.CharField(choices=[('due', 'on its way'), ('done', 'done'), ('conflict', 'changed in Tyk meanwhile'), ('dropped', 'dropped')], default='due', max_length=10)),
                ('key', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='policy_changes', to='keyrequests.key')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'due')), fields=('key',), name='one_due_policy_change')],
            },
        ),
    ]

"""What a person gave up, what staff were told of, and two indexes of the desk."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tyk", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="outbox",
            name="abandoned",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="outbox",
            name="abandoned_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="outbox",
            name="abandoned_by",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="outbox",
            name="abandoned_reason",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name="pullstate",
            name="asked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="organisation",
            name="moved_from",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddIndex(
            model_name="outbox",
            index=models.Index(
                condition=models.Q(asked__gt=models.F("served")),
                fields=["next_at"],
                name="outbox_owed",
            ),
        ),
        migrations.AddIndex(
            model_name="outbox",
            index=models.Index(
                condition=models.Q(
                    ("asked__gt", models.F("served")),
                    models.Q(("parked_reason", ""), _negated=True),
                ),
                fields=["kind", "asked_at"],
                name="outbox_parked",
            ),
        ),
        migrations.CreateModel(
            name="Alarm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("key_rejected", "the Dashboard rejects our key"),
                            ("key_moved", "the next key is in use"),
                            ("held_back", "a pull is held back"),
                            ("stale", "the mirror is not read any more"),
                            ("parked", "work is parked"),
                            ("keys_lost", "keys vanished beside a write of ours"),
                        ],
                        max_length=12,
                    ),
                ),
                ("subject", models.CharField(blank=True, max_length=120)),
                ("note", models.CharField(blank=True, max_length=300)),
                ("raised_at", models.DateTimeField()),
                ("well_since", models.DateTimeField(null=True)),
                ("over_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("over_at", None)),
                        fields=("cause", "subject"),
                        name="one_alarm_per_cause",
                    ),
                ],
            },
        ),
    ]

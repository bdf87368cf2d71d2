"""Whose doing an event was, kept apart from the name they had then.

Until now it was told by the name, so that whoever changed theirs was a stranger to
their own events, and was not forgotten in them when the account was closed.
"""

from django.db import migrations, models
from django.db.models import Exists, F, OuterRef, Q

# Only the owner does these; the request and the key may both name them.
BY_OWNERS = ['withdrawn', 'changed', 'claimed', 'replaced', 'leaked']
GIVEN = 'for the developer'
NOBODY = 'Closed account'


def fill(apps, schema_editor):
    Event = apps.get_model('keyrequests', 'Event')
    Event.objects.filter(verb__in=BY_OWNERS).update(by_owner=True)
    Event.objects.filter(verb='sent').exclude(note=GIVEN).update(by_owner=True)
    # Staff revoke keys too: an owner is known by a name of today or of their events.
    asked = Event.objects.filter(verb='revoke_asked').exclude(key=None)
    whose = OuterRef('key__developer')
    theirs = Event.objects.filter(
        Q(key__developer=whose) | Q(request__developer=whose),
        by_owner=True, actor=OuterRef('actor'),
    )
    asked.filter(
        Q(actor=F('key__developer__name'))
        | Q(key__developer__name='', actor=F('key__developer__email'))
        | Exists(theirs)
    ).exclude(actor='').update(by_owner=True)
    # Who closed the account after a change of name is forgotten now.
    Event.objects.filter(
        Q(request__developer__erased_at__isnull=False)
        | Q(key__developer__erased_at__isnull=False),
        by_owner=True,
    ).update(actor=NOBODY, note='')


class Migration(migrations.Migration):

    dependencies = [
        ('keyrequests', '0004_changed_and_leaked'),
        ('developers', '0002_account_pages'),
    ]

    operations = [
        migrations.AddField(
            model_name='event',
            name='by_owner',
            field=models.BooleanField(default=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]

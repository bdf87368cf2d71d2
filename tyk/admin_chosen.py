"""Which rows of an admin's list an action is for."""

from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest


def pks(request: HttpRequest, queryset: QuerySet[Any], *, most: int) -> list[int]:
    """Of the ticked rows; where all are selected, the first `most` of `queryset`.

    `queryset` is what the list shows now. A ticked row that a colleague ended
    meanwhile is not in it any more, and would be passed over in silence. "Select all"
    ticks no rows beyond the page; there may be thousands, and one request does not end
    for them.
    """
    if all_of_them(request):
        return list(queryset.values_list("pk", flat=True)[:most])
    ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
    return [int(pk) for pk in ticked if pk.isdecimal() and len(pk) < 16]


def all_of_them(request: HttpRequest) -> bool:
    """Whether every row of the list was selected, and not only those of the page."""
    return request.POST.get("select_across") == "1"

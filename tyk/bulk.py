"""Plain rows by the thousand, where a model object for each would cost most."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from django.db import DataError, IntegrityError, models
from django.db.transaction import get_connection

Row = Sequence[object]


def insert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    alike: Mapping[str, object] | None = None,
    unique: str = "",
    update: Sequence[str] = (),
) -> None:
    """INSERT `rows`, each the values of `columns` (foreign keys as "…_id").

    `alike` are columns that are the same in all of them; what is named nowhere gets
    the model's default. Values are prepared as they are on saving, but nothing of
    `save` or `pre_save` runs. A row whose `unique` column is taken has its columns
    `update` written instead. Raises IntegrityError or DataError, and then no row is
    there.
    """
    fields = [f for f in model._meta.concrete_fields if not f.primary_key]
    makers = [_maker(field, columns, alike or {}) for field in fields]
    quoted = get_connection().ops.quote_name
    table = quoted(model._meta.db_table)
    names = ", ".join(quoted(field.column) for field in fields)
    ready = [[make(row) for make in makers] for row in rows]
    if get_connection().vendor == "postgresql" and not unique:
        _copy(f"COPY {table} ({names}) FROM STDIN", ready)
        return
    places = ", ".join(["%s"] * len(fields))
    sql = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 -- names of our own models
    if unique:
        taken = ", ".join(f"{name} = EXCLUDED.{name}" for name in update)
        sql += f" ON CONFLICT ({unique}) DO UPDATE SET {taken}"
    with get_connection().cursor() as cursor:
        cursor.executemany(sql, ready)


def _copy(statement: str, rows: Iterable[Row]) -> None:
    """The rows as one stream: a statement for each costs four times as much.

    Of what PostgreSQL says of a row that it refuses the first line alone is raised:
    the others hold the row, with names and answers of people.
    """
    connection = get_connection()
    try:
        with (
            connection.cursor() as cursor,
            connection.wrap_database_errors,
            cursor.copy(statement) as stream,
        ):
            for row in rows:
                stream.write_row(row)
    except (DataError, IntegrityError) as error:
        refused = type(error)(str(error).partition("\n")[0])
    else:
        return
    raise refused


def select(
    model: type[models.Model], columns: Sequence[str], *, named: str, by: Sequence[str]
) -> list[tuple[Any, ...]]:
    """`columns` of the rows whose text column `named` holds one of `by`.

    Texts as the database has them: nothing is converted. Of 500 names the ORM makes an
    IN for longer than the database looks them up.
    """
    if not by:
        return []
    quoted = get_connection().ops.quote_name
    names = ", ".join(quoted(column) for column in columns)
    which, these = one_of(by)
    sql = f"SELECT {names} FROM {quoted(model._meta.db_table)}"  # noqa: S608 -- names of our own models
    with get_connection().cursor() as cursor:
        cursor.execute(f"{sql} WHERE {quoted(named)} {which}", these)
        return list(cursor.fetchall())


def one_of(names: Sequence[str]) -> tuple[str, list[Any]]:
    """What follows a text column that holds one of `names` in SQL; its parameters.

    PostgreSQL takes them as one array: psycopg needs longer to find 500 places in a
    text than the database to look them up.
    """
    if get_connection().vendor == "postgresql":
        return "= ANY(%s)", [list(names)]
    return f"IN ({', '.join(['%s'] * len(names))})", list(names)


def _maker(
    field: "models.Field[Any, Any]", columns: Sequence[str], alike: Mapping[str, object]
) -> Callable[[Row], object]:
    """What gives the value of this field for a row."""
    # Not `django.db.connection`, which looks up the thread's own for each attribute.
    prepared = partial(field.get_db_prep_save, connection=get_connection())
    if field.attname in columns:
        at = columns.index(field.attname)
        if isinstance(field, models.CharField):
            # What a text is prepared to is itself, and half of all values are texts.
            return lambda row: v if type(v := row[at]) is str else prepared(v)
        return lambda row: prepared(row[at])
    if field.attname not in alike and field.has_default() and callable(field.default):
        return lambda row: prepared(field.get_default())  # an id of its own for each
    value = prepared(alike.get(field.attname, field.get_default()))
    return lambda row: value

"""Types of the columns of tables.

A text, number or list is NOT NULL wherever an empty value will do.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime, timezone
from typing import Annotated, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import mapped_column

MOMENT = sa.DateTime(timezone=True)


def new_id() -> str:
    """Return a new UUID."""
    return str(uuid.uuid4())


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(timezone.utc)


Id = Annotated[str, mapped_column(sa.Text, primary_key=True, default=new_id)]
Number = Annotated[int, mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)]
#: Key of the row: the id of something else.
RowKey = Annotated[str, mapped_column(sa.Text, primary_key=True)]
RowDay = Annotated[date, mapped_column(sa.Date, primary_key=True)]
Key = Annotated[str, mapped_column(sa.Text)]
BigKey = Annotated[int, mapped_column(sa.BigInteger)]
Small = Annotated[int, mapped_column(sa.SmallInteger)]
Moment = Annotated[datetime, mapped_column(MOMENT)]
Created = Annotated[datetime, mapped_column(MOMENT, nullable=False, server_default=sa.func.now())]
#: Time at which the row is written, unless another one is given.
Stamp = Annotated[datetime, mapped_column(MOMENT, default=now)]
Day = Annotated[date, mapped_column(sa.Date)]
Words = Annotated[str, mapped_column(sa.Text, nullable=False, server_default="", default="")]
Count = Annotated[int, mapped_column(sa.Integer, nullable=False, server_default="0", default=0)]
Flag = Annotated[
    bool, mapped_column(sa.Boolean, nullable=False, server_default=sa.false(), default=False)
]
Texts = Annotated[list[str], mapped_column(ARRAY(sa.Text), nullable=False, server_default="{}")]
List = Annotated[
    list[Any],
    mapped_column(JSONB, nullable=False, server_default=sa.text("'[]'::jsonb"), default=list),
]
Object = Annotated[
    dict[str, Any],
    mapped_column(JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"), default=dict),
]

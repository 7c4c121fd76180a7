"""What the shapes of requests and answers have in common, as OpenMeter's clients know them."""

from datetime import UTC, datetime
from typing import Annotated

from ninja import Field, Schema
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from catacloud.storable import STORABLE


class Shape(Schema):
    """JSON with the names of OpenMeter's; what is not known is refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


Text = Annotated[str, Field(pattern=STORABLE)]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("In UTC it is in no year from 1 to 9999") from error


def _written(time: object) -> object:
    if not isinstance(time, datetime) and not (isinstance(time, str) and ":" in time):
        raise ValueError("Write it as RFC 3339 does, such as 2026-11-01T00:00:00Z")
    return time


# pydantic cuts the decimals of such times to microseconds. Those of a number it rounds: into the
# next hour, or year.
WRITTEN = BeforeValidator(_written)
# PostgreSQL knows no zones that are further off than 16 hours, and JSON's may be.
Moment = Annotated[AwareDatetime, WRITTEN, AfterValidator(_in_utc)]

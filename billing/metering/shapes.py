"""What the shapes of requests and answers have in common, as OpenMeter's clients know them."""

from datetime import UTC, datetime
from typing import Annotated

from ninja import Field, Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict
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


# PostgreSQL knows no zones that are further off than 16 hours, and JSON's may be.
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]

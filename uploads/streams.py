"""Let a file decide, and append what it decided to its stream."""

from uuid import UUID

from catacloud.accounts.models import Organisation
from eventstore import repository
from eventstore.events import Metadata
from eventstore.repository import Decide
from uploads.file import File


def execute(
    organisation: Organisation, file_id: UUID, decide: Decide[File], actor: str | None
) -> File:
    return repository.execute(
        File,
        tenant_id=organisation.id,
        stream_id=file_id,
        decide=decide,
        metadata=Metadata(actor=actor),
    ).state

from django.db import migrations

# Of a part that was put more than once, the last content counted.
SEGMENTS = """
INSERT INTO uploads_segment (organisation_id, id, upload_id, start, size, sha256)
SELECT tenant_id, blob, stream_id,
    sum(part.size) OVER (PARTITION BY tenant_id, stream_id ORDER BY number) - part.size,
    part.size, sha256
FROM (
    SELECT DISTINCT ON (tenant_id, stream_id, (data->>'number')::bigint)
        tenant_id, stream_id, (data->>'number')::bigint AS number,
        (data->>'blob')::uuid AS blob, (data->>'size')::bigint AS size, data->>'sha256' AS sha256
    FROM eventstore_storedevent WHERE type = 'file.part_stored' AND schema_version = 1
    ORDER BY tenant_id, stream_id, (data->>'number')::bigint, version DESC
) AS part JOIN uploads_uploadedfile AS file
    ON file.organisation_id = part.tenant_id AND file.id = part.stream_id
WHERE file.status = 'complete' AND part.size > 0
"""
KEPT = """
INSERT INTO uploads_keptbytes (organisation_id, size)
SELECT organisation_id, sum(size) FROM uploads_uploadedfile
WHERE status = 'complete' GROUP BY organisation_id
"""


class Migration(migrations.Migration):
    """Say where the bytes are of files that were stored before uploads were those of tus."""

    dependencies = [("uploads", "0002_tus"), ("eventstore", "0015_partitioned")]

    operations = [
        migrations.RunSQL(SEGMENTS, "DELETE FROM uploads_segment"),
        migrations.RunSQL(KEPT, "DELETE FROM uploads_keptbytes"),
    ]

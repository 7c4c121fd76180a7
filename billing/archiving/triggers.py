"""The database keeps the manifest of archives as it is: all that may still come is the dropping."""

import pgtrigger

ARCHIVES_ARE_ONLY_DROPPED = pgtrigger.Trigger(
    name="archives_are_only_dropped",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    func="""
IF TG_OP = 'UPDATE' AND OLD.dropped_at IS NULL AND NEW.dropped_at IS NOT NULL
    AND to_jsonb(NEW) - 'dropped_at' - 'record' = to_jsonb(OLD) - 'dropped_at' - 'record'
THEN
    RETURN NEW;
END IF;
RAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archives_are_only_dropped',
    MESSAGE = 'An archive stays in the manifest as it is; its payloads may only be dropped, once.';
""",
)

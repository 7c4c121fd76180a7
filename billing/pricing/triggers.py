"""The database itself keeps published plan versions as they are, whoever asks it to change them."""

import pgtrigger

# IntegrityError, so that it is handled like any other broken rule; told apart by the name.
REFUSE = """
RAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_plan_is_frozen',
    MESSAGE = 'A published plan version never changes: make a new version instead.';
"""

VERSION_IS_FROZEN = pgtrigger.Trigger(
    name="published_version_is_frozen",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    condition=pgtrigger.Q(old__status__in=["published", "retired"]),
    func=f"""
IF TG_OP = 'UPDATE' AND OLD.status = 'published' AND NEW.status = 'retired'
    AND to_jsonb(NEW) - 'status' = to_jsonb(OLD) - 'status' THEN
    RETURN NEW;
END IF;
{REFUSE}
""",
)

# The version's row is locked before its status is believed, so a charge or tier that is being
# added waits for a publication under way, and the other way round. A version that is not there is
# being deleted as a draft; the foreign keys see to the rest.
LOCK_AND_CHECK = """
FOR status IN
    SELECT version.status FROM billing_planversion AS version WHERE version.id IN ({versions})
    ORDER BY version.id FOR SHARE
LOOP
    IF status <> 'draft' THEN
        {refuse}
    END IF;
END LOOP;
RETURN COALESCE(NEW, OLD);
"""

CHARGE_IS_FROZEN = pgtrigger.Trigger(
    name="published_charge_is_frozen",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
    declare=[("status", "text")],
    func=LOCK_AND_CHECK.format(versions="OLD.version_id, NEW.version_id", refuse=REFUSE),
)

TIER_IS_FROZEN = pgtrigger.Trigger(
    name="published_tier_is_frozen",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
    declare=[("status", "text")],
    func=LOCK_AND_CHECK.format(
        versions="SELECT charge.version_id FROM billing_charge AS charge "
        "WHERE charge.id IN (OLD.charge_id, NEW.charge_id)",
        refuse=REFUSE,
    ),
)

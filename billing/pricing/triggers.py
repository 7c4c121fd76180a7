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

# Whatever was used of a service has one price: that of its value, or of the one without a value.
# Its charges are frozen by then: they wait for the row of the version, which this update locked.
PRICES_COVER_ALL = pgtrigger.Trigger(
    name="published_prices_cover_all",
    when=pgtrigger.Before,
    operation=pgtrigger.Update,
    condition=pgtrigger.Q(old__status="draft") & ~pgtrigger.Q(new__status="draft"),
    func="""
IF EXISTS (
    SELECT FROM billing_charge AS charge WHERE charge.version_id = NEW.id
    GROUP BY charge.service_id
    HAVING count(DISTINCT charge.dimension) FILTER (WHERE charge.dimension <> '') > 1
        OR bool_and(charge.dimension <> '')
) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'published_prices_cover_all',
        MESSAGE = 'Prices by value are of one dimension of a service, beside one for the rest.';
END IF;
RETURN NEW;
""",
)

# Who is on a version already may start on it anew, such as after a pause. The row is locked, so a
# version is not retired meanwhile.
VERSION_IS_ON_OFFER = pgtrigger.Trigger(
    name="version_is_on_offer",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update,
    declare=[("offered", "billing_planversion%ROWTYPE")],
    func="""
SELECT * INTO offered FROM billing_planversion WHERE id = NEW.plan_version_id FOR SHARE;
IF NEW.starts_on < offered.effective_on OR offered.status = 'draft'
    OR TG_OP = 'INSERT' AND offered.status = 'retired' AND NOT EXISTS (
        SELECT FROM billing_subscription AS earlier
        WHERE earlier.organisation_id = NEW.organisation_id
            AND earlier.plan_version_id = NEW.plan_version_id
    )
THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'version_is_on_offer',
        MESSAGE = 'The plan version is a draft, is retired or is not in effect by then.';
END IF;
RETURN NEW;
""",
)

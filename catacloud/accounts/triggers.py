"""The database itself sees to it that an organisation that has an owner keeps one."""

import pgtrigger

# At the end of the transaction, so that owners may change places in it. The organisation's row is
# locked first: of two owners who go at once, the second finds that the first is gone. A row that is
# not there was deleted, with all of its members.
AN_OWNER_STAYS = pgtrigger.Trigger(
    name="an_owner_stays",
    when=pgtrigger.After,
    operation=pgtrigger.Update | pgtrigger.Delete,
    timing=pgtrigger.Deferred,
    condition=pgtrigger.Q(old__role="owner"),
    func="""
PERFORM FROM accounts_organisation WHERE id = OLD.organisation_id FOR NO KEY UPDATE;
IF FOUND AND NOT EXISTS (
    SELECT FROM accounts_membership WHERE organisation_id = OLD.organisation_id AND role = 'owner'
) THEN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'an_owner_stays',
        MESSAGE = 'The last owner stays: make somebody else an owner first.';
END IF;
RETURN NULL;
""",
)

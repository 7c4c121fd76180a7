"""What the database itself sees to: an organisation that has an owner keeps one, and no two answer
to one name.
"""

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

# No constraint can be over two columns of different rows. Whoever names organisations waits for who
# does so at the moment: of two who give one name, the second finds the first.
A_NAME_IS_OF_ONE = pgtrigger.Trigger(
    name="a_name_is_of_one_organisation",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("slug", "external_key"),  # type: ignore[no-untyped-call]
    func="""
PERFORM pg_advisory_xact_lock(hashtextextended('names of organisations', 0));
IF EXISTS (
    SELECT FROM accounts_organisation
    WHERE id <> NEW.id AND (slug = NEW.external_key OR external_key = NEW.slug)
) THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation',
        CONSTRAINT = 'a_name_is_of_one_organisation',
        MESSAGE = 'The external key of an organisation is not the slug of another.';
END IF;
RETURN NULL;
""",
)

"""The audit log is append-only and a chain: each row's hash covers its content and the row before it.

What an erasure must be able to remove, who acted and on whom, is in the chain as a salted hash. The erasure
deletes the salt, so the chain still holds and names nobody.
"""

from django.db import migrations, models

RULES = """
CREATE FUNCTION audit_identity(salt uuid, what text, name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(salt, what, name)::text, 'UTF8')), 'hex')
$$;
CREATE FUNCTION audit_hash(entry moderation_auditentry) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
        entry.previous, entry.place, entry.verb, entry.subject_kind, entry.detail,
        to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), entry.who, entry.whom
    )::text, 'UTF8')), 'hex')
$$;
CREATE FUNCTION audit_seal(entry moderation_auditentry) RETURNS moderation_auditentry LANGUAGE plpgsql AS $$
DECLARE last record;
BEGIN
    -- One writer at a time, until its transaction ends: else two rows would follow the same one.
    PERFORM pg_advisory_xact_lock(hashtextextended('moderation.audit', 0));
    SELECT place, hash INTO last FROM moderation_auditentry WHERE place IS NOT NULL
        ORDER BY place DESC LIMIT 1;
    entry.place := coalesce(last.place, 0) + 1;
    entry.previous := coalesce(last.hash, '');
    entry.salt := gen_random_uuid();
    entry.who := audit_identity(entry.salt, 'actor', entry.actor_id::text);
    entry.whom := audit_identity(entry.salt, 'subject', entry.subject_id);
    entry.hash := audit_hash(entry);
    RETURN entry;
END $$;
DO $$
DECLARE entry moderation_auditentry;
BEGIN
    FOR entry IN SELECT * FROM moderation_auditentry ORDER BY id LOOP
        entry := audit_seal(entry);
        UPDATE moderation_auditentry SET place = entry.place, previous = entry.previous, salt = entry.salt,
            who = entry.who, whom = entry.whom, hash = entry.hash WHERE id = entry.id;
    END LOOP;
END $$;

CREATE FUNCTION audit_add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN audit_seal(NEW);
END $$;
CREATE TRIGGER audit_chain BEFORE INSERT ON moderation_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_add();

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- An erasure makes a row anonymous: it deletes the salt, and the names with it.
    IF TG_OP = 'UPDATE' THEN
        IF NEW.actor_id IS NULL AND OLD.actor_id IS NOT NULL THEN
            NEW.salt := NULL;
        END IF;
        IF (NEW.id, NEW.place, NEW.previous, NEW.hash, NEW.who, NEW.whom, NEW.verb, NEW.subject_kind,
            NEW.detail, NEW.at) IS NOT DISTINCT FROM (OLD.id, OLD.place, OLD.previous, OLD.hash, OLD.who,
            OLD.whom, OLD.verb, OLD.subject_kind, OLD.detail, OLD.at)
           AND (NEW.salt IS NULL OR (NEW.salt, NEW.subject_id) IS NOT DISTINCT FROM (OLD.salt, OLD.subject_id))
           AND (NEW.actor_id IS NULL OR NEW.actor_id IS NOT DISTINCT FROM OLD.actor_id) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON moderation_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON moderation_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
"""
UNDO = """
DROP TRIGGER audit_no_truncate ON moderation_auditentry;
DROP TRIGGER audit_append_only ON moderation_auditentry;
DROP TRIGGER audit_chain ON moderation_auditentry;
DROP FUNCTION audit_refuse;
DROP FUNCTION audit_add;
DROP FUNCTION audit_seal;
DROP FUNCTION audit_hash;
DROP FUNCTION audit_identity;
"""


def column(name, field):
    return migrations.AddField(model_name="auditentry", name=name, field=field)


def hexadecimal(**options):
    return models.CharField(default="", editable=False, max_length=64, **options)


class Migration(migrations.Migration):
    dependencies = [("moderation", "0002_account_of_erased_actor")]

    operations = [
        column("place", models.BigIntegerField(editable=False, null=True, unique=True)),
        column("previous", hexadecimal()),
        column("hash", hexadecimal()),
        column("salt", models.UUIDField(editable=False, null=True)),
        column("who", hexadecimal()),
        column("whom", hexadecimal()),
        migrations.RunSQL(RULES, UNDO),
    ]

"""What the database guarantees: balances follow from transfers, and transfers never change."""

from django.db import migrations

RULES = """
CREATE FUNCTION ledger_book() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ledger.booking', 'on', true);
    -- In the order of their ids, so that two transfers between the same accounts cannot wait for each other.
    IF NEW.debit_id < NEW.credit_id THEN
        UPDATE billing_ledgeraccount SET balance = balance - NEW.amount WHERE id = NEW.debit_id;
        UPDATE billing_ledgeraccount SET balance = balance + NEW.amount WHERE id = NEW.credit_id;
    ELSE
        UPDATE billing_ledgeraccount SET balance = balance + NEW.amount WHERE id = NEW.credit_id;
        UPDATE billing_ledgeraccount SET balance = balance - NEW.amount WHERE id = NEW.debit_id;
    END IF;
    PERFORM set_config('ledger.booking', 'off', true);
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_book AFTER INSERT ON billing_transfer FOR EACH ROW EXECUTE FUNCTION ledger_book();

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'transfers are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON billing_transfer
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON billing_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

CREATE FUNCTION ledger_account_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.balance = 0 THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND coalesce(current_setting('ledger.booking', true), '') = 'on'
       AND (NEW.wallet, NEW.kind, NEW.lot, NEW.expires_at)
           IS NOT DISTINCT FROM (OLD.wallet, OLD.kind, OLD.lot, OLD.expires_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a balance follows from transfers alone' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_account_only_by_transfer BEFORE INSERT OR UPDATE OR DELETE ON billing_ledgeraccount
    FOR EACH ROW EXECUTE FUNCTION ledger_account_refuse();
"""
UNDO = """
DROP TRIGGER ledger_account_only_by_transfer ON billing_ledgeraccount;
DROP FUNCTION ledger_account_refuse;
DROP TRIGGER ledger_no_truncate ON billing_transfer;
DROP TRIGGER ledger_append_only ON billing_transfer;
DROP FUNCTION ledger_refuse;
DROP TRIGGER ledger_book ON billing_transfer;
DROP FUNCTION ledger_book;
"""


def free_plan(apps, editor):
    apps.get_model("billing", "Plan").objects.get_or_create(
        code="free", defaults={"name": "Free", "credits": 3, "monthly": False, "twins": 1}
    )


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [migrations.RunSQL(RULES, UNDO), migrations.RunPython(free_plan, migrations.RunPython.noop)]

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_plans")]

    operations = [
        migrations.AlterModelOptions(
            name="wallet",
            options={
                "permissions": (
                    ("grant_credits", "Can give credits to somebody"),
                    ("take_credits", "Can take credits from somebody"),
                )
            },
        ),
        migrations.AlterModelOptions(
            name="invoice",
            options={
                "permissions": (("refund_invoice", "Can pay back an invoice"),),
                "verbose_name": "invoice",
                "verbose_name_plural": "invoices",
            },
        ),
        migrations.AlterModelOptions(
            name="webhookevent",
            options={
                "ordering": ("-received_at",),
                "permissions": (("retry_event", "Can try a failed event again"),),
                "verbose_name": "event of Stripe",
                "verbose_name_plural": "events of Stripe",
            },
        ),
    ]

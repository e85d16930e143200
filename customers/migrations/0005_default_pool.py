"""The default pool; customers without an owner lie in it. Owners count as having received their customers when the last
transfer in the log says so, else when they were created."""

from django.db import migrations
from django.db.models import F, Max, OuterRef, Subquery

HIDDEN = ["customer.phone", "contact.mobile", "contact.phone", "contact.email", "contact.qq", "contact.wechat"]


def forward(apps, schema_editor):
    pool = apps.get_model("customers", "Pool").objects.create(
        kind="customer", name="公海", is_default=True, hidden=HIDDEN, former_days=7, exempt=["dealt", "opportunity", "contract"]
    )
    customer = apps.get_model("customers", "Customer")
    customer.objects.update(received_at=F("created_at"))
    customer.objects.filter(owner=None).update(pool=pool, pooled_at=F("updated_at"))
    content_type = apps.get_model("contenttypes", "ContentType").objects.filter(app_label="customers", model="customer")
    log = apps.get_model("records", "OperationLog").objects.filter(
        content_type__in=content_type, code="customer.transferred"
    )
    if log.exists():
        last = log.filter(object_id=OuterRef("pk")).values("object_id").annotate(at=Max("created_at")).values("at")
        customer.objects.filter(pk__in=log.values("object_id")).update(received_at=Subquery(last))


class Migration(migrations.Migration):
    dependencies = [("customers", "0004_pools"), ("records", "0072_export_words")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]

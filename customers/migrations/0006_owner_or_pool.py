from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0005_default_pool")]
    operations = [
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('owner', None), ('pool__isnull', False)), models.Q(('owner__isnull', False), ('pool', None)), _connector='OR'), name='customer_owner_or_pool', violation_error_message='请选择负责人或公海。'),
        ),
    ]

# Letters to customers.

import crm.records.fields
import crm.records.models.satellites
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0021_link_dictionary'),
        ('notices', '0030_outbox_dropped'),
        ('records', '0072_export_words'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Mailing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='发送时间')),
                ('module', models.CharField(max_length=40, verbose_name='模块')),
                ('who', models.CharField(choices=[('primary', '每个客户的首要联系人'), ('all', '每个客户所有有邮箱的联系人')], default='primary', max_length=10, verbose_name='收件人')),
                ('subject', models.CharField(max_length=150, verbose_name='主题')),
                ('body', models.TextField(verbose_name='正文')),
                ('token', models.CharField(max_length=32)),
                ('total', models.PositiveIntegerField(default=0, verbose_name='收件人数')),
                ('excluded', models.JSONField(default=dict, verbose_name='未包含')),
                ('stopped_at', models.DateTimeField(null=True, verbose_name='停止时间')),
                ('created_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='发送人')),
                ('job', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='records.job', verbose_name='后台任务')),
            ],
            options={
                'verbose_name': '群发邮件',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='MailingFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file', models.FileField(upload_to=crm.records.models.satellites.attachment_path)),
                ('name', models.CharField(max_length=200, verbose_name='文件名')),
                ('size', models.PositiveIntegerField(verbose_name='大小')),
                ('mime', models.CharField(max_length=100)),
                ('mailing', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='customers.mailing')),
            ],
            options={
                'verbose_name': '群发邮件附件',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='MailingRecipient',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(max_length=254, verbose_name='收件地址')),
                ('address_key', models.CharField(max_length=64)),
                ('state', models.CharField(choices=[('waiting', '待发送'), ('sending', '发送中'), ('sent', '已发送'), ('failed', '失败'), ('unknown', '不确定'), ('dropped', '未发送')], default='waiting', max_length=10, verbose_name='状态')),
                ('error', models.CharField(blank=True, max_length=500, verbose_name='原因')),
                ('sent_at', models.DateTimeField(null=True, verbose_name='发送时间')),
                ('contact', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='customers.contact', verbose_name='联系人')),
                ('customer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='customers.customer', verbose_name='客户')),
                ('delivery', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='mailing_recipient', to='notices.delivery', verbose_name='发件')),
                ('mailing', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='recipients', to='customers.mailing')),
            ],
            options={
                'verbose_name': '群发邮件收件人',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='MailOptOut',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(max_length=254, verbose_name='邮箱')),
                ('address_key', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='退订时间')),
                ('mailing', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='customers.mailing', verbose_name='来自')),
            ],
            options={
                'verbose_name': '退订',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='MailTemplate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', crm.records.fields.Text(blank=False, max_length=50, verbose_name='模板名称')),
                ('subject', crm.records.fields.Text(blank=False, max_length=150, verbose_name='主题')),
                ('body', crm.records.fields.LongText(blank=False, max_length=10000, verbose_name='正文')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='修改时间')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='所有者')),
            ],
            options={
                'verbose_name': '邮件模板',
                'ordering': ['name', 'pk'],
            },
        ),
        migrations.AddIndex(
            model_name='mailing',
            index=models.Index(fields=['created_by', '-id'], name='mailing_by'),
        ),
        migrations.AddConstraint(
            model_name='mailing',
            constraint=models.UniqueConstraint(fields=('created_by', 'token'), name='mailing_page_once'),
        ),
        migrations.AddIndex(
            model_name='mailingrecipient',
            index=models.Index(fields=['mailing', 'id'], name='mailing_recipients'),
        ),
        migrations.AddConstraint(
            model_name='mailingrecipient',
            constraint=models.UniqueConstraint(fields=('mailing', 'address_key'), name='mailing_address_once'),
        ),
        migrations.AddConstraint(
            model_name='mailtemplate',
            constraint=models.UniqueConstraint(fields=('owner', 'name'), name='mailtemplate_own_name', violation_error_message='已有同名的模板'),
        ),
        migrations.AddConstraint(
            model_name='mailtemplate',
            constraint=models.UniqueConstraint(condition=models.Q(('owner', None)), fields=('name',), name='mailtemplate_company_name', violation_error_message='已有同名的公司模板'),
        ),
    ]

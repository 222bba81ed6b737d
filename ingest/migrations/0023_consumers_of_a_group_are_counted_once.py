from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0022_registry_answers_are_kept'),
    ]

    operations = [
        migrations.AddField(
            model_name='consumergroup',
            name='members',
            field=models.IntegerField(help_text='consumers of the group, each counted once whatever it reads', null=True),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("ingest", "0002_block_spans_and_run_states"),
    ]

    operations = [
        migrations.AddField(
            model_name="stream",
            name="ordinal",
            field=models.BigIntegerField(
                help_text="messages ever added up to the checkpoint, by the broker's count",
                null=True,
            ),
        ),
    ]

"""PostgreSQL: the function and the indexes of the quick search. SQLite scans the narrow table instead."""

from django.db import migrations

FORWARD = [
    """CREATE OR REPLACE FUNCTION kaihai_grams(value text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN value ~ '^[0-9]+$'
        THEN ARRAY(SELECT substr(value, i, 4) FROM generate_series(1, length(value) - 3) AS i)
        ELSE ARRAY(SELECT substr(value, i, 2) FROM generate_series(1, length(value) - 1) AS i) END
    $$""",
    "CREATE INDEX search_grams ON records_searchrow USING gin (kaihai_grams(text)) WITH (fastupdate = on)",
    "CREATE INDEX search_prefix ON records_searchrow (text text_pattern_ops, content_type_id)",
]
BACKWARD = ["DROP INDEX search_prefix", "DROP INDEX search_grams", "DROP FUNCTION kaihai_grams(text)"]


def run(statements):
    def step(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            for statement in statements:
                schema_editor.execute(statement)

    return step


class Migration(migrations.Migration):
    dependencies = [("records", "0001_initial")]
    operations = [migrations.RunPython(run(FORWARD), run(BACKWARD))]

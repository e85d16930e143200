"""`__any`: membership in a list of ids sent as one parameter, whatever its length (PostgreSQL array, SQLite json_each)."""

import json

from django.db.models import AutoField, BigAutoField, BigIntegerField, ForeignKey, Lookup


class AnyOf(Lookup):
    lookup_name = "any"
    prepare_rhs = False

    def get_prep_lookup(self):
        return [int(value) for value in self.rhs]

    def as_sql(self, compiler, connection):
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} IN (SELECT value FROM json_each(%s))", [*params, json.dumps(self.get_prep_lookup())]

    def as_postgresql(self, compiler, connection):
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} = ANY(%s)", [*params, self.get_prep_lookup()]


for field in (AutoField, BigAutoField, BigIntegerField, ForeignKey):
    field.register_lookup(AnyOf)

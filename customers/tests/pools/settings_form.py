"""What a browser would send for a pool's form, with some fields changed."""

from customers.models import Pool
from customers.pools.setting_forms import PoolForm


def sent(pool: Pool, **changed) -> dict:
    """The POST of the page as it stands; keys of `changed` write "__" for "-", None leaves a field out."""
    pool.refresh_from_db()
    form, data = PoolForm(pool=pool), {"version": pool.version}
    for name in form.fields:
        value = form[name].initial
        if value is True:
            data[name] = "on"
        elif value not in (None, False, ""):
            data[name] = value
        elif value is None:
            data[name] = ""
    for name, value in changed.items():
        data.pop(name.replace("__", "-"), None)
        if value is not None:
            data[name.replace("__", "-")] = value
    return data

"""查重: who else is called that, has that number or that domain. The models import `names`, so nothing is imported here."""

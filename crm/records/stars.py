"""Stars (关注): records a person follows."""

from django.contrib.contenttypes.models import ContentType

from .models import Star


def toggle(record, *, user) -> bool:
    """Follow or unfollow a record (关注); returns whether it is followed now."""
    content_type = ContentType.objects.get_for_model(type(record))
    star, made = Star.objects.get_or_create(user=user, content_type=content_type, object_id=record.pk)
    if not made:
        star.delete()
    return made

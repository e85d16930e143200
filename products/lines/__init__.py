"""Product lines of documents: the abstract model, the service that saves them, their pages."""

from .models import ProductLine
from .services import save_lines

__all__ = ["ProductLine", "save_lines"]

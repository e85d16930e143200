"""Product lines of documents: the abstract model, the service that saves them, their pages."""

from .models import SAID, ProductLine
from .services import save_lines

__all__ = ["SAID", "ProductLine", "save_lines"]

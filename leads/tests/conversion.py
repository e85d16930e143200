"""Small helpers of the tests of conversion."""

from leads.conversion import services
from leads.conversion.making import Wanted
from leads.conversion.services import Options
from leads.models import Lead
from leads.services import create_lead
from opportunities import pipelines


def lead(owner, company: str = "云澜智造科技有限公司", **more) -> Lead:
    """A saved lead."""
    values = {"name": f"{company}咨询"[:50], "company": company, "contact_name": "许一诺", **more}
    return create_lead(Lead(owner=owner, **values), by=owner)


def opportunity(**more) -> Wanted:
    """An opportunity in the first stage of the first pipeline."""
    pipeline = pipelines.default()
    return Wanted(pipeline, pipelines.first_stage(pipeline), **more)


def convert(record: Lead, by=None, **options):
    """Convert one lead as its owner would."""
    return services.convert(record, by=by or record.owner, options=Options(**options))

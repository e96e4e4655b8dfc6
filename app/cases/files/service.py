"""What a case file is called in the audit."""

from app.core.audit import Resource
from app.models.cases import CaseFile


def resource(file: CaseFile) -> Resource:
    return Resource("case_file", file.id, region_code=file.region_code, case_id=file.case_id)

"""Files in an S3-compatible store (FILES_S3_*): private, never linked to."""

from botocore.config import Config
from storages.backends.s3 import S3Storage


class Bucket(S3Storage):
    """The bucket of the company's files; nothing may hand out an address into it."""

    def __init__(self, **settings):
        style = settings.pop("style", "auto")
        settings["client_config"] = Config(
            s3={"addressing_style": style},
            signature_version="s3v4",
            connect_timeout=10,
            read_timeout=60,
            # Stores that are only compatible with S3 do not know the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        super().__init__(default_acl=None, file_overwrite=False, querystring_auth=True, **settings)

    def url(self, name, *args, **kwargs):
        raise ValueError("files are served through the view that checks the record")

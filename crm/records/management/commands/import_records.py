"""import_records MODULE FILE --as PHONE: the import of the pages from the command line."""

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from crm.records import jobs, kinds, modules  # noqa: F401 (kinds registers the jobs)
from crm.records.importing import job as importing
from crm.records.importing import targets, upload
from crm.records.importing.plan import MODES, Invalid


class Command(BaseCommand):
    help = "Imports a file (.xls, .xlsx, .csv) as the employee with the given phone; last line: created=.. updated=.. skipped=.. failed=.."

    def add_arguments(self, parser):
        parser.add_argument("module", help="customer(s), contact(s), product(s), ...")
        parser.add_argument("file")
        parser.add_argument("--as", dest="phone", required=True, metavar="PHONE")
        parser.add_argument(
            "--map",
            nargs="+",
            action="extend",
            default=[],
            metavar="目标=来源",
            help="field=column header, beside what the headers say; field= leaves it out",
        )
        parser.add_argument("--key", default="", metavar="目标", help="field that decides on duplicates instead")
        parser.add_argument("--on-duplicate", choices=list(MODES), default="skip")
        parser.add_argument(
            "--unknown", choices=["create", "reject"], default="reject", help="dictionary values that do not exist"
        )
        parser.add_argument("--background", action="store_true", help="as a job of the site's worker, waiting for it")

    def handle(self, *, module, file, phone, map, key, on_duplicate, unknown, background, **options):
        module, user = find_module(module), find_user(phone)
        try:
            importer = targets.importer_of(module)
            draft = upload.accept_path(file, user=user, module=module)
        except LookupError:
            raise CommandError(f"{module.label}不支持导入。") from None
        except upload.Refused as refusal:
            raise CommandError(str(refusal)) from None
        draft.options = {
            "mapping": mapping_of(map, importer, draft.meta["headers"], user),
            "on_duplicate": on_duplicate,
            "key": key,
            "unknown": unknown,
        }
        try:
            job = importing.begin(draft, user=user, send=background)
        except Invalid as refusal:
            draft.delete()
            raise CommandError(str(refusal)) from None
        if background:
            self.stdout.write(f"任务 {job.pk} 已提交，等待后台处理……")
            job = jobs.wait(job.pk, tick=self.progress)
        else:
            jobs.execute(job.pk, on_step=lambda run: self.progress(run.job))
            job.refresh_from_db()
        self.stdout.write("")
        self.report(job)

    def progress(self, job):
        self.stdout.write(f"\r已处理 {job.done:,} / {job.total:,} 行", ending="")
        self.stdout.flush()

    def report(self, job):
        for number, label, sentence in job.result.get("errors", []):
            self.stdout.write(f"第 {number} 行 {label}：{sentence}")
        self.stdout.write(
            " ".join(f"{key}={job.result.get(key, 0)}" for key in ("created", "updated", "skipped", "failed"))
        )
        if job.state != job.State.DONE:
            raise CommandError(f"导入没有完成（{job.get_state_display()}）：{job.error}")


def find_module(name: str):
    """A module by its name or its address (customer, customers)."""
    for module in modules.ALL.values():
        if name in (module.name, module.prefix):
            return module
    raise CommandError(f"没有“{name}”这个模块，可用：{'、'.join(modules.ALL)}")


def find_user(phone: str):
    """The active employee with this phone."""
    user = get_user_model().objects.select_related("department").filter(phone=phone, is_active=True).first()
    if user is None:
        raise CommandError(f"没有手机号为 {phone} 的启用员工。")
    return user


def mapping_of(pairs: list[str], importer, headers: list[str], user) -> dict[str, int]:
    """{target: column}: the headers matched by name, then 目标=来源 pairs, which take a column from what it matched."""
    offered = importer.allowed_targets(user)
    found = targets.guess(headers, offered)
    by_label = {targets.plain(word): target.key for target in reversed(offered) for word in (target.label, target.key)}
    places = {targets.plain(header): place for place, header in reversed(list(enumerate(headers)))}
    for pair in pairs:
        goal, sign, source = pair.partition("=")
        if not sign or targets.plain(goal) not in by_label:
            raise CommandError(
                f"--map {pair}：没有“{goal}”这个字段。可用：{'、'.join(target.label for target in offered)}"
            )
        if source and targets.plain(source) not in places:
            raise CommandError(
                f"--map {pair}：文件中没有“{source}”这一列。文件的列：{'、'.join(filter(None, headers))}"
            )
        found.pop(by_label[targets.plain(goal)], None)
        if source:
            place = places[targets.plain(source)]
            found = {key: column for key, column in found.items() if column != place}
            found[by_label[targets.plain(goal)]] = place
    return found

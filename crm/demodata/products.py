"""Products of the demo company: an industrial software and equipment house."""

from datetime import timedelta
from random import Random

from django.utils import timezone

from crm.records import modules, search, services, trees
from crm.records.models import DictionaryItem
from products.models import Category, Product

# category path -> [(name, code, unit, price, cost, stock)]
CATALOG = {
    ("软件", "生产管理"): [
        ("开海 MES 标准版", "KH-MES-S", "套", "128000", "32000", "0"),
        ("开海 MES 企业版", "KH-MES-E", "套", "368000", "86000", "0"),
        ("车间看板系统", "KH-BRD-01", "套", "48000", "9800", "0"),
        ("质量追溯模块", "KH-QTS-01", "套", "56000", "12000", "0"),
        ("排产优化模块", "KH-APS-01", "套", "88000", "21000", "0"),
    ],
    ("软件", "仓储物流"): [
        ("开海 WMS 标准版", "KH-WMS-S", "套", "98000", "24000", "0"),
        ("开海 WMS 企业版", "KH-WMS-E", "套", "268000", "64000", "0"),
        ("条码管理模块", "KH-BAR-01", "套", "28000", "6200", "0"),
        ("运输调度模块", "KH-TMS-01", "套", "76000", "18000", "0"),
    ],
    ("软件", "云服务"): [
        ("云托管（年）", "KH-CLD-Y", "年", "36000", "14500", "0"),
        ("数据备份（年）", "KH-BAK-Y", "年", "9800", "2600", "0"),
        ("设备联网接入（年）", "KH-IOT-Y", "年", "18000", "5200", "0"),
    ],
    ("硬件", "采集终端"): [
        ("工业采集网关 G2", "KH-GW-02", "台", "4680", "2350", "126"),
        ("工业采集网关 G4", "KH-GW-04", "台", "7980", "4120", "64"),
        ("无线手持终端 P1", "KH-PDA-01", "台", "3280", "1890", "210"),
        ("工位平板 T10", "KH-PAD-10", "台", "4980", "2980", "88"),
        ("振动传感器 V1", "KH-VIB-01", "个", "860", "390", "540"),
    ],
    ("硬件", "标识设备"): [
        ("条码打印机 B300", "KH-PRN-300", "台", "5600", "3480", "42"),
        ("固定式扫码器 S20", "KH-SCN-20", "台", "3900", "2160", "75"),
        ("RFID 通道门", "KH-RFD-02", "台", "26800", "15600", "9"),
        ("碳带（110 毫米）", "KH-RIB-110", "箱", "420", "210", "360"),
    ],
    ("服务", "实施"): [
        ("现场实施", "KH-SVC-IMP", "人天", "2200", "1100", "0"),
        ("系统集成开发", "KH-SVC-DEV", "人天", "2800", "1500", "0"),
        ("产线咨询", "KH-SVC-CON", "人天", "3600", "1800", "0"),
    ],
    ("服务", "运维培训"): [
        ("年度维保（标准）", "KH-SVC-M1", "年", "24000", "8600", "0"),
        ("年度维保（驻场）", "KH-SVC-M2", "年", "168000", "96000", "0"),
        ("操作培训", "KH-SVC-TRN", "人天", "1800", "700", "0"),
    ],
}


def make(people: dict, pick: Random) -> list[Product]:
    """The category tree, its products, a few of them off the shelf."""
    units = {item.label: item for item in DictionaryItem.objects.filter(dictionary="product.unit")}
    nodes: dict[tuple, Category] = {}
    by, made = people["13800000003"], []
    for path, goods in CATALOG.items():
        for depth in range(1, len(path) + 1):
            if path[:depth] not in nodes:
                nodes[path[:depth]] = trees.save(Category(name=path[depth - 1], parent=nodes.get(path[: depth - 1])))
        for name, code, unit, price, cost, stock in goods:
            at = timezone.localtime().replace(hour=10, minute=pick.randint(0, 59)) - timedelta(
                days=pick.randint(200, 370)
            )
            product = Product(
                name=name,
                code=code,
                category=nodes[path],
                unit=units[unit],
                price=price,
                cost=cost,
                stock=stock,
                created_by=by,
                created_at=at,
                updated_at=at,
                description=f"{path[0]}产品线，适用于离散制造企业。" if path[0] != "服务" else "按实际人天或年度结算。",
            )
            product.clean_fields(exclude=["category", "unit", "created_by", "deleted_by"])
            product.clean()
            made.append(product)
    made.sort(key=lambda product: product.created_at)
    Product.objects.bulk_create(made)
    search.index(modules.get("product"), made)
    retired = Product.objects.filter(code__in=["KH-RIB-110", "KH-BRD-01"])
    services.set_flag(retired, "on_shelf", False, by=by, code="off_shelf", text="下架")
    return made

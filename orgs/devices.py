"""What a browser calls itself, in words for people."""

import re

# In this order: most browsers also claim to be the ones further down.
BROWSERS = (
    (r"MicroMessenger/(\d+)", "微信"),
    (r"DingTalk/(\d+)", "钉钉"),
    (r"Edg(?:A|iOS)?/(\d+)", "Edge"),
    (r"(?:Firefox|FxiOS)/(\d+)", "Firefox"),
    (r"(?:HeadlessChrome|Chrome|CriOS)/(\d+)", "Chrome"),
    (r"Version/(\d+)\S* (?:Mobile/\S+ )?Safari/", "Safari"),
)
SYSTEMS = (
    ("HarmonyOS|OpenHarmony", "鸿蒙"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "macOS"),
    ("Linux|X11", "Linux"),
)


def device_name(agent: str) -> str:
    """ "Chrome 126 · Windows" of a User-Agent header; what is not understood is shortened, nothing is 未知设备."""
    if not (agent := agent.strip()):
        return "未知设备"
    parts = [
        next((f"{name} {found[1]}" for pattern, name in BROWSERS if (found := re.search(pattern, agent))), ""),
        next((name for pattern, name in SYSTEMS if re.search(pattern, agent)), ""),
    ]
    return " · ".join(part for part in parts if part) or agent[:40]

"""How often one person may look: whoever tries names or numbers one by one comes to an end."""

from crm.records import limits, params

WINDOWS = (("duplicates_per_minute", "%Y%m%d%H%M", 60, "分钟"), ("duplicates_per_day", "%Y%m%d", 86_400, "天"))


def spend(user) -> str:
    """Count one search of this person; the sentence to show where it is one too many, else ""."""
    now, refusal = limits.moment(), ""
    for key, period, seconds, word in WINDOWS:
        used = limits.count(f"{key}:{user.pk}:{now.strftime(period)}", seconds)
        if used > params.get(key) and not refusal:
            refusal = f"每{word}最多查重 {params.get(key):,} 次，请稍后再试。"
    return refusal

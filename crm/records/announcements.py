"""The kinds of messages the record machinery sends; 提到我 is what follow-ups and comments use."""

from crm.notices import kinds

kinds.register("transfer", "分配和转移给我", "客户与公海", icon="transfer", mail=True, order=10)
kinds.register("team", "加入团队", "协作", icon="team", order=30)
kinds.register("team_end", "团队到期", "协作", icon="team", order=32)
kinds.register("mention", "提到我", "协作", icon="at", order=35)
kinds.register("job", "后台任务", "后台", icon="job", order=80)

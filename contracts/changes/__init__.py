"""变更 and 作废 of approved contracts: proposed versions, what differs, the end of a contract."""

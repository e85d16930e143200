"""线索分配: rules that give new leads to people, by turns and within working time."""

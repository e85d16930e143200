"""开发计划: dated items of what is to be done about a lead, and what came of each."""

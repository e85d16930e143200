"""The kanban of opportunities (看板) and their forecast (预测): two faces of the list, over the same ListQuery."""

"""系统管理 › 审批流程: the flows of each kind of document, their editor, their versions."""

"""通用审批: simple documents (请假, 费用报销) whose forms a company builds out of custom fields."""

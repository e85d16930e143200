"""客户流失: warned by the nightly job, put off or confirmed by the owner, back to normal by a manager or a contract."""

"""客户邮件: one letter to many, with merge fields, through the outbox; templates; unsubscribing."""

"""报价单: quotations out of an opportunity's product lines, in versions that never change, on paper and by link."""

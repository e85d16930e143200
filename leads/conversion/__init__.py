"""线索转化: leads become customers with their contact and, if asked, an opportunity; what hung on the lead goes along."""

"""The contract on paper: print, text templates, .docx templates; all fill in what the reader may read."""

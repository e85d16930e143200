"""客户关怀: rules and contact plans make tasks each night, people close them, follow-ups fulfil the plans."""

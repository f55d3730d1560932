"""How other machines are asked: one budget for each service and credential, one client for what we ask ourselves."""
